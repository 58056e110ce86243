/* SPDX-License-Identifier: GPL-2.0-only */
/* System calls whose arguments point to pointers: they work though nobody knows their types. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "prog.h"

static void vectors(void)
{
	char a[3], b[5000], c[1], text[6000];
	struct iovec in[3] = { { a, 3 }, { b, 5000 }, { c, 1 } };
	struct iovec out[2] = { { c, 1 }, { a, 3 } };
	int fd = prog_file(6000);

	CHECK(readv(fd, in, 3) == 5004);
	CHECK((unsigned char)a[2] == prog_file_byte(2) && (unsigned char)b[0] == prog_file_byte(3));
	CHECK((unsigned char)b[4999] == prog_file_byte(5002) &&
	      (unsigned char)c[0] == prog_file_byte(5003));
	CHECK(pwritev(fd, out, 2, 10) == 4);
	CHECK(preadv2(fd, in, 1, 11, 0) == 3 && (unsigned char)a[0] == prog_file_byte(0));
	CHECK(pread(fd, text, 6000, 0) == 6000 && text[10] == c[0]);
	in[1].iov_base = NULL;
	CHECK(preadv(fd, in, 3, 0) == 3);
	in[0].iov_len = -1;
	CHECK_FAILS(preadv(fd, in, 3, 0), EINVAL);
	CHECK_FAILS(syscall(SYS_readv, fd, 8, 1), EFAULT);
}

static void messages(void)
{
	struct mmsghdr message[3], got[3];
	struct iovec parts[3][2], space[3];
	char text[3][2][20], room[3][64];
	int fd[2];

	NEED(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd) == 0);
	memset(message, 0, sizeof(message));
	memset(got, 0, sizeof(got));
	for (int i = 0; i < 3; i++) {
		for (int j = 0; j < 2; j++) {
			snprintf(text[i][j], 20, "message %d part %d", i, j);
			parts[i][j] = (struct iovec){ text[i][j], strlen(text[i][j]) };
		}
		message[i].msg_hdr.msg_iov = parts[i];
		message[i].msg_hdr.msg_iovlen = 2;
		space[i] = (struct iovec){ room[i], 64 };
		got[i].msg_hdr.msg_iov = &space[i];
		got[i].msg_hdr.msg_iovlen = 1;
	}
	CHECK(sendmmsg(fd[0], message, 3, 0) == 3);
	CHECK(message[2].msg_len == 32);
	CHECK(recvmmsg(fd[1], got, 3, 0, NULL) == 3);
	for (int i = 0; i < 3; i++)
		say("%u %.*s", got[i].msg_len, (int)got[i].msg_len, room[i]);
}

static void passed_descriptor(void)
{
	int fd[2], file = prog_file(100), mine;
	char byte = 'x', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &file, sizeof(int));
	CHECK(sendmsg(fd[0], &message, 0) == 1);
	memset(control, 0, sizeof(control));
	message.msg_controllen = sizeof(control);
	CHECK(recvmsg(fd[1], &message, 0) == 1);
	header = CMSG_FIRSTHDR(&message);
	NEED(header && header->cmsg_type == SCM_RIGHTS);
	memcpy(&mine, CMSG_DATA(header), sizeof(int));
	CHECK(mine != file && lseek(mine, 33, SEEK_SET) == 33 && lseek(file, 0, SEEK_CUR) == 33);
}

static void events(void)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 0x1122334455667788 }, got[4];
	int epoll = epoll_create1(EPOLL_CLOEXEC), counter = eventfd(0, EFD_NONBLOCK);
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec soon = { { 0, 0 }, { 0, 1000000 } };
	uint64_t value = 5;
	struct pollfd polled[2] = { { counter, POLLIN, 0 }, { -1, POLLIN, 7 } };

	NEED(epoll >= 0 && counter >= 0 && timer >= 0);
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event) == 0);
	event.data.u64 = 99;
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event) == 0);
	CHECK(epoll_wait(epoll, got, 4, 0) == 0);
	CHECK(write(counter, &value, 8) == 8);
	CHECK(epoll_wait(epoll, got, 4, -1) == 1 && got[0].data.u64 == 0x1122334455667788);
	CHECK(poll(polled, 2, -1) == 1 && polled[0].revents == POLLIN && polled[1].revents == 0);
	CHECK(read(counter, &value, 8) == 8 && value == 5);
	CHECK_FAILS(read(counter, &value, 8), EAGAIN);
	CHECK(timerfd_settime(timer, 0, &soon, NULL) == 0);
	CHECK(epoll_pwait(epoll, got, 4, -1, NULL) == 1 && got[0].data.u64 == 99);
	CHECK(read(timer, &value, 8) == 8 && value == 1);
	CHECK(write(counter, &value, 8) == 8);
	CHECK_FAILS(syscall(SYS_epoll_wait, epoll, 8, 4, -1), EFAULT);
}

static void selects(void)
{
	struct gate a = gate_make(), b = gate_make();
	struct timeval limit = { 100, 0 };
	struct timespec none = { 0, 0 };
	fd_set in, out;

	gate_open(b);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_SET(a.fd[0], &in), FD_SET(b.fd[0], &in), FD_SET(a.fd[1], &out);
	CHECK(select(64, &in, &out, NULL, &limit) == 2);
	CHECK(!FD_ISSET(a.fd[0], &in) && FD_ISSET(b.fd[0], &in) && FD_ISSET(a.fd[1], &out));
	FD_ZERO(&in);
	FD_SET(a.fd[0], &in);
	CHECK(pselect(64, &in, NULL, NULL, &none, NULL) == 0 && !FD_ISSET(a.fd[0], &in));
}

/* Linux's asynchronous I/O by its bare calls. */
static void async_io(void)
{
	aio_context_t ctx = 0;
	struct iocb read_cb = { .aio_lio_opcode = IOCB_CMD_PREAD, .aio_data = 1 };
	struct iocb write_cb = { .aio_lio_opcode = IOCB_CMD_PWRITE, .aio_data = 2 };
	struct iocb *list[2] = { &read_cb, &write_cb };
	struct io_event done[2];
	char in[5000], out[3000], check[3000];
	int fd = prog_file(10000);

	memset(out, 'w', sizeof(out));
	CHECK(syscall(SYS_io_setup, 8, &ctx) == 0);
	/* libaio looks at the ring that ctx is the address of. */
	CHECK(!fault_read((void *)ctx).signo);
	read_cb.aio_fildes = write_cb.aio_fildes = fd;
	read_cb.aio_buf = (uintptr_t)in;
	read_cb.aio_nbytes = sizeof(in);
	read_cb.aio_offset = 1;
	write_cb.aio_buf = (uintptr_t)out;
	write_cb.aio_nbytes = sizeof(out);
	write_cb.aio_offset = 7000;
	CHECK(syscall(SYS_io_submit, ctx, 2, list) == 2);
	for (int n = 0; n < 2;) {
		long more = syscall(SYS_io_getevents, ctx, 1, 2 - n, done + n, NULL);

		NEED(more > 0);
		n += more;
	}
	CHECK(done[0].data + done[1].data == 3);
	CHECK(done[0].res + done[1].res == 8000);
	for (int i = 0; i < 5000; i++)
		CHECK((unsigned char)in[i] == prog_file_byte(i + 1));
	CHECK(pread(fd, check, 3000, 7000) == 3000 && prog_filled(check, 3000, 'w'));
	CHECK(syscall(SYS_io_destroy, ctx) == 0);
	CHECK(fault_is(fault_read((void *)ctx), SIGSEGV, SEGV_MAPERR, (void *)ctx));
	CHECK_FAILS(syscall(SYS_io_submit, ctx, 2, list), EINVAL);
}

static void splices(void)
{
	int in = prog_file(20000), out = prog_file(1), fd[2], copy[2];
	char text[20000], *page = prog_map(PAGE);
	struct iovec part = { page, PAGE };
	loff_t from = 100, to = 0;
	off_t at = 5;

	NEED(pipe(fd) == 0 && pipe(copy) == 0);
	CHECK(splice(in, &from, fd[1], NULL, 5000, 0) == 5000 && from == 5100);
	CHECK(tee(fd[0], copy[1], 4096, 0) == 4096);
	CHECK(splice(fd[0], NULL, out, &to, 5000, 0) > 0);
	CHECK(read(copy[0], text, 10) == 10 && (unsigned char)text[0] == prog_file_byte(100));
	CHECK(sendfile(out, in, &at, 10000) == 10000 && at == 10005);
	CHECK(pread(out, text, 10, 0) == 10 && (unsigned char)text[9] == prog_file_byte(14));
	from = 0;
	to = 50;
	CHECK(copy_file_range(in, &from, out, &to, 1000, 0) == 1000);
	CHECK(pread(out, text, 10, 50) == 10 && (unsigned char)text[9] == prog_file_byte(9));
	memset(page, 'v', PAGE);
	NEED(close(fd[0]) == 0 && close(fd[1]) == 0 && pipe(fd) == 0);
	CHECK(vmsplice(fd[1], &part, 1, 0) == PAGE);
	CHECK(read(fd[0], text, PAGE) == PAGE && prog_filled(text, PAGE, 'v'));
}

static void network(void)
{
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client, server;
	struct sockaddr_in address = { .sin_family = AF_INET }, peer;
	socklen_t size = sizeof(address), peer_size = sizeof(peer);
	char text[20], *large = malloc(300000), *got = malloc(300000);
	ssize_t have = 0, n;
	pid_t pid;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	NEED(listener >= 0 && bind(listener, (void *)&address, sizeof(address)) == 0);
	CHECK(getsockname(listener, (void *)&address, &size) == 0 && size == sizeof(address));
	CHECK(listen(listener, 5) == 0);
	pid = fork();
	if (pid == 0) {
		client = socket(AF_INET, SOCK_STREAM, 0);
		CHECK(connect(client, (void *)&address, sizeof(address)) == 0);
		for (int i = 0; i < 300000; i++)
			large[i] = i * 13;
		CHECK(send(client, large, 300000, 0) == 300000);
		CHECK(shutdown(client, SHUT_WR) == 0);
		CHECK(recv(client, text, 20, MSG_WAITALL) == 5 && memcmp(text, "reply", 5) == 0);
		prog_exit();
	}
	server = accept4(listener, (void *)&peer, &peer_size, 0);
	CHECK(server >= 0 && peer.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
	while ((n = recv(server, got + have, 300000 - have, 0)) > 0)
		have += n;
	CHECK(have == 300000);
	for (int i = 0; i < have; i++)
		if (got[i] != (char)(i * 13))
			NEED(!"the bytes are those sent");
	CHECK(write(server, "reply", 5) == 5 && close(server) == 0);
	CHECK_EXIT(pid, 0);
}

static void files(void)
{
	struct stat st, again;
	struct statx stx;
	struct statfs fs;
	struct timespec times[2] = { { 1000, 1 }, { 2000, 2 } };
	char target[100], cwd[4096];
	int dir, fd;

	CHECK(mkdir("dir", 0750) == 0 && symlink("file", "dir/link") == 0);
	dir = open("dir", O_RDONLY | O_DIRECTORY);
	fd = openat(dir, "file", O_RDWR | O_CREAT | O_EXCL, 0640);
	NEED(dir >= 0 && fd >= 0);
	CHECK_FAILS(openat(dir, "file", O_CREAT | O_EXCL, 0), EEXIST);
	CHECK(write(fd, "contents", 8) == 8 && fstat(fd, &st) == 0 && st.st_size == 8);
	CHECK((st.st_mode & 0777) == 0640 && st.st_nlink == 1);
	CHECK(linkat(dir, "file", dir, "second", 0) == 0);
	CHECK(fstatat(dir, "link", &again, 0) == 0 && again.st_ino == st.st_ino);
	CHECK(again.st_nlink == 2 && lstat("dir/link", &again) == 0 && S_ISLNK(again.st_mode));
	CHECK(readlinkat(dir, "link", target, sizeof(target)) == 4 &&
	      memcmp(target, "file", 4) == 0);
	CHECK(utimensat(dir, "file", times, 0) == 0);
	CHECK(statx(dir, "file", 0, STATX_ALL, &stx) == 0 && stx.stx_mtime.tv_sec == 2000);
	CHECK(stx.stx_atime.tv_nsec == 1 && stx.stx_size == 8);
	CHECK(renameat2(dir, "second", dir, "third", 1) == 0);
	CHECK(faccessat(dir, "third", R_OK, 0) == 0 && fchmodat(dir, "third", 0600, 0) == 0);
	CHECK(ftruncate(fd, 1 << 20) == 0 && fallocate(fd, 0, 0, PAGE) == 0);
	CHECK(fsync(fd) == 0 && fdatasync(fd) == 0 && fstatfs(fd, &fs) == 0 && fs.f_bsize > 0);
	CHECK(fchdir(dir) == 0 && getcwd(cwd, sizeof(cwd)) && strstr(cwd, "/dir"));
	CHECK(chdir("..") == 0);
	CHECK(unlinkat(dir, "file", 0) == 0 && unlinkat(dir, "third", 0) == 0);
	CHECK(unlinkat(dir, "link", 0) == 0 && rmdir("dir") == 0);
	CHECK_FAILS(openat(dir, "file", O_CREAT, 0600), ENOENT);
}

static void directories(void)
{
	char name[40], seen[300] = { 0 };
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	NEED(mkdir("many", 0700) == 0);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "many/a-rather-long-name-%d", i);
		CHECK(close(open(name, O_CREAT | O_WRONLY, 0600)) == 0);
	}
	dir = opendir("many");
	NEED(dir);
	while ((entry = readdir(dir))) {
		int i;

		if (sscanf(entry->d_name, "a-rather-long-name-%d", &i) == 1 && i >= 0 && i < 300) {
			count += !seen[i];
			seen[i] = 1;
		}
	}
	CHECK(count == 300 && closedir(dir) == 0);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "many/a-rather-long-name-%d", i);
		CHECK(unlink(name) == 0);
	}
	CHECK(rmdir("many") == 0);
}

static void lock_child(void *arg)
{
	int *fd = arg;
	struct flock lock = { .l_type = F_WRLCK, .l_start = 10, .l_len = 10 };

	CHECK_FAILS(fcntl(fd[0], F_SETLK, &lock), EAGAIN);
	CHECK(fcntl(fd[0], F_GETLK, &lock) == 0 && lock.l_type == F_WRLCK &&
	      lock.l_pid == getppid());
	CHECK_FAILS(flock(open("locked", O_RDWR), LOCK_EX | LOCK_NB), EWOULDBLOCK);
}

static void locks(void)
{
	int fd = open("locked", O_RDWR | O_CREAT, 0600);
	struct flock lock = { .l_type = F_WRLCK, .l_start = 5, .l_len = 10 };

	CHECK(fcntl(fd, F_SETLK, &lock) == 0 && flock(fd, LOCK_EX) == 0);
	CHECK_EXIT(prog_fork(lock_child, &fd), 0);
	CHECK(unlink("locked") == 0);
}

static void small_ones(void)
{
	struct utsname name;
	struct sysinfo info;
	struct tms times_now;
	struct rlimit limit;
	struct rusage usage;
	char random[64] = { 0 }, text[100];
	int memory = memfd_create("memory", MFD_CLOEXEC), watch = inotify_init1(0), n;
	struct inotify_event *event = (void *)text;

	CHECK(uname(&name) == 0 && strcmp(name.sysname, "Linux") == 0);
	say("%s %s", name.release, name.machine);
	CHECK(sysinfo(&info) == 0 && info.uptime > 0);
	CHECK(times(&times_now) != -1 && getrusage(RUSAGE_SELF, &usage) == 0);
	CHECK(prlimit(0, RLIMIT_NOFILE, NULL, &limit) == 0 && limit.rlim_cur > 0);
	CHECK(getrandom(random, 64, 0) == 64 && !prog_filled(random, 64, 0));
	CHECK(write(memory, "in memory", 9) == 9 && pread(memory, text, 9, 0) == 9);
	CHECK(lseek(memory, 0, SEEK_END) == 9 && ftruncate(memory, 5) == 0);
	CHECK(mkdir("watched", 0700) == 0 && inotify_add_watch(watch, "watched", IN_CREATE) >= 0);
	CHECK(close(open("watched/new", O_CREAT | O_RDWR, 0600)) == 0);
	CHECK(ioctl(watch, FIONREAD, &n) == 0 && n == 32);
	CHECK(read(watch, text, sizeof(text)) == 32 && strcmp(event->name, "new") == 0);
	CHECK(unlink("watched/new") == 0 && rmdir("watched") == 0);
	CHECK(sched_getscheduler(0) == SCHED_OTHER && getpriority(PRIO_PROCESS, 0) == 0);
	CHECK(nice(5) == 5 && getpriority(PRIO_PROCESS, 0) == 5);
	CHECK_FAILS(syscall(999), ENOSYS);
	CHECK_FAILS(syscall(-1), ENOSYS);
	CHECK_FAILS(ioctl(memory, TCGETS, text), ENOTTY);
	CHECK_FAILS(close(1234), EBADF);
	/* A futex that nobody waits for, and one whose value has changed. */
	CHECK(syscall(SYS_futex, &n, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL) == 0);
	CHECK_FAILS(syscall(SYS_futex, &n, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, n + 1, NULL), EAGAIN);
}

static void do_nothing(void *arg)
{
	(void)arg;
}

/* All descriptors closed and used up: the program goes on. */
static void descriptors(void)
{
	struct rlimit few = { 8, 8 };
	int fd[8], count = 0;
	pid_t pid = fork();

	if (pid == 0) {
		NEED(syscall(SYS_close_range, 3, ~0U, 0) == 0 &&
		     setrlimit(RLIMIT_NOFILE, &few) == 0);
		while (count < 8 && (fd[count] = dup(0)) >= 0)
			count++;
		CHECK(count == 5 && errno == EMFILE);
		CHECK_FAILS(open("/", O_RDONLY), EMFILE);
		CHECK(prog_filled(prog_map(1 << 20), 1 << 20, 0));
		CHECK_EXIT(prog_fork(do_nothing, NULL), 0);
		for (int i = 3; i < 8; i++)
			CHECK(close(i) == 0);
		prog_exit();
	}
	CHECK_EXIT(pid, 0);
}

static const struct prog_case cases[] = {
	{ "vectors", vectors },
	{ "messages", messages },
	{ "passed_descriptor", passed_descriptor },
	{ "events", events },
	{ "selects", selects },
	{ "async_io", async_io },
	{ "splices", splices },
	{ "network", network },
	{ "files", files },
	{ "directories", directories },
	{ "locks", locks },
	{ "small_ones", small_ones },
	{ "descriptors", descriptors },
};
PROG_MAIN(cases)
