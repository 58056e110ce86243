#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-only
# Wakes a halted CPU of a machine by a machine check, once another one waits to be started:
#
#	wake.pl SOCKET SLEEPER OTHER SECONDS
#
# SOCKET is a monitor of QEMU's. Gives up without a word: what the CPU does in the end is seen in
# the machine's registers. One that waits to be started already (an interrupt of its own came in
# between) is left alone: a machine check would be its, and so the machine's, reset. The machine
# stands still between that look and the machine check.
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;

my ($path, $sleeper, $other, $seconds) = @ARGV;
my $end = time + $seconds;
my $monitor;

# All that it says up to its next prompt.
sub answer {
	my ($ready, $said) = (IO::Select->new($monitor), '');
	until ($said =~ /\(qemu\) \z/) {
		$ready->can_read($end - time) or exit;
		sysread $monitor, $said, 65536, length $said or exit;
	}
	return $said;
}

sub ask {
	syswrite $monitor, "$_[0]\n" or exit;
	return answer();
}

sub waits_to_be_started {
	my ($number) = @_;
	my ($cpu) = ask('info registers -a') =~ /^CPU#$number\b(.*?)(?:^CPU#|\z)/ms or return 0;
	return $cpu =~ /^EIP=0000fff0 .*HLT=1/m;
}

until ($monitor = IO::Socket::UNIX->new(Peer => $path)) {
	exit if time > $end;
	select undef, undef, undef, 0.2;
}
answer();
until (waits_to_be_started($other)) {
	exit if time > $end;
	select undef, undef, undef, 0.2;
}
ask('stop');
# Uncorrected, and the CPU can go on.
ask("mce $sleeper 2 0xbd00000000000134 0x5 0x12345678 0x8c") unless waits_to_be_started($sleeper);
ask('cont');
