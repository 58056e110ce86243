#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""report.py DIR: makes results.csv, profile.csv and report.md in DIR from DIR/events, which
the plugin wrote (insn.c), and DIR/list, which `bench list` printed."""
import csv
import re
import statistics
import sys
from collections import Counter, defaultdict

SYSTEMS = {0: "linux", 1: "lwk", 2: "lwk-awake"}
WORK, POLL, STRING, TICK = range(4)
IDLE = "idle"

# Where an instruction belongs, by its symbol: the first that matches.
PARTS = [
    (IDLE, r"lwk:(idle_once|arch_idle|poll_notes|sched_idle_loop)|do_idle|cpu_startup_entry"
           r"|default_idle|cpuidle_|call_cpuidle|poll_idle|acpi_idle|tick_nohz_|__tick_nohz"
           r"|nohz_|_nohz_|arch_cpu_idle|menu_|ct_idle|ct_kernel|get_next_timer|hrtimer_next_event"
           r"|hrtimer_get_next|quiet_vmstat|update_ts_time|sched_idle_set_state"),
    ("LWK", r"lwk:"),
    ("proxy", r"proxy:"),
    ("module", r"ihk:"),
    ("program", r"bench:|-$"),
    ("msync", r"__x64_sys_msync|__do_sys_msync|vfs_fsync|mt_find|mtree_range_walk|find_vma"),
    ("doorbell", r"asm_|error_(entry|return)|sync_regs|common_interrupt|__common_interrupt"
                 r"|sysvec_|__sysvec|handle_(edge_)?irq|__handle_irq|irq_|__irq|irqentry|irqtime"
                 r"|apic_|native_apic|ack_|default_send_IPI|__default_send|flat_send|note_interrupt"
                 r"|add_interrupt|generic_smp_call|flush_smp|__flush_smp|ct_irq|tick_irq|record_irq"),
    ("scheduler", r"_?_?schedule|ttwu|try_to_wake|wake_up|wake_q|default_wake|enqueue_|dequeue_"
                  r"|pick_|__pick|put_prev|set_next|update_|__update|sched_|select_|switch_|__switch"
                  r"|finish_task|prepare_task|native_sched_clock|cpuacct|psi_|check_preempt|resched"
                  r"|newidle|load_balance|reweight|place_entity|raw_spin_rq|cpus_share|available_idle"
                  r"|attach_|detach_|hrtick|hrtimer|ktime_get|read_hpet|perf_event_task|rb_|__rb"
                  r"|rcu_note_context|__mod_timer|add_timer|del_timer|native_smp_send_resched|cgroup_"),
]
PART_NAMES = ["program", "LWK", "doorbell", "module", "msync", "proxy", "scheduler", "Linux", IDLE]


def part_of(symbol, known={}):
    if symbol not in known:
        known[symbol] = next((part for part, pattern in PARTS if re.match(pattern, symbol)),
                             "Linux")
    return known[symbol]


def read_events(path):
    """{label: [{(vcpu, mode, symbol): [work, poll, string, tick]}]}"""
    events = defaultdict(list)
    with open(path) as f:
        for line in f:
            words = line.split()
            if words[0] == "event":
                event = {}
                events[int(words[1])].append(event)
                continue
            counts = event.setdefault((int(words[0]), words[1], words[2]), [0] * 4)
            for kind in range(4):
                counts[kind] += int(words[3 + kind])
    return events


def working(key):
    return part_of(key[2]) != IDLE


class Figure:
    """The events of one benchmark on one system, by unit."""

    def __init__(self, events, units):
        self.events = events
        self.units = units
        by_work = sorted(events, key=lambda e: self.total(e, WORK, working))
        self.typical = by_work[len(by_work) // 2]

    @staticmethod
    def total(event, kind, chosen):
        return sum(n[kind] for key, n in event.items() if chosen(key))

    def median(self, kind, chosen=lambda key: True):
        return statistics.median_low(self.total(e, kind, chosen) for e in self.events) / self.units

    def metrics(self):
        """{metric: value}"""
        found = {
            "instructions": self.median(WORK, working),
            "user_instructions": self.median(WORK, lambda k: working(k) and k[1] == "user"),
            "kernel_instructions": self.median(WORK, lambda k: working(k) and k[1] == "kernel"),
            "poll_instructions": self.median(POLL),
            "idle_instructions": self.median(WORK, lambda k: not working(k)),
            "tick_instructions": self.median(TICK),
            "string_turns": self.median(STRING),
        }
        for vcpu in sorted({k[0] for e in self.events for k in e}):
            for mode in "user", "kernel":
                found[f"vcpu{vcpu}_{mode}_instructions"] = self.median(
                    WORK, lambda k: working(k) and k[0] == vcpu and k[1] == mode)
        return found

    def parts(self):
        """By part, of the event with the median total."""
        parts = Counter()
        for (_, _, symbol), n in self.typical.items():
            parts[part_of(symbol)] += n[WORK] / self.units
        return parts


def read_figures(directory):
    """{(benchmark, system): Figure}"""
    with open(f"{directory}/list") as f:
        names = {int(n): (name, int(units)) for n, name, units in map(str.split, f)}
    figures = {}
    for label, events in read_events(f"{directory}/events").items():
        name, units = names[label % 64]
        figures[name, SYSTEMS[label // 64]] = Figure(events, units)
    return figures


def write_results(f, figures):
    out = csv.writer(f)
    out.writerow(("benchmark", "system", "metric", "value", "unit", "samples"))
    for (name, system), fig in figures.items():
        for metric, value in fig.metrics().items():
            out.writerow((name, system, metric, round(value, 1), "count", len(fig.events)))


def write_profile(f, figures):
    out = csv.writer(f)
    out.writerow(("benchmark", "system", "vcpu", "mode", "symbol", "part", "instructions",
                  "polling", "string_turns", "ticks"))
    for (name, system), fig in figures.items():
        for (vcpu, mode, symbol), n in sorted(fig.typical.items(), key=lambda x: -x[1][WORK]):
            out.writerow([name, system, vcpu, mode, symbol, part_of(symbol)] + n)


def number(value):
    return f"{value:,.0f}"


def table_row(f, *cells):
    f.write("| " + " | ".join(cells) + " |\n")


def write_figures(f, figures):
    table_row(f, "what", "system", "instructions", "ratio", "user", "kernel", "idle", "polling",
              "ticks", "string turns", "events")
    table_row(f, "---", "---", *["---:"] * 9)
    for name in dict.fromkeys(name for name, _ in figures):
        if name in ("empty", "empty-settled", "compute"):
            continue
        base = figures.get((name.removesuffix("-settled"), "linux"))
        for system in SYSTEMS.values():
            fig = figures.get((name, system))
            if not fig:
                continue
            m = fig.metrics()
            ratio = ""
            if base and system != "linux":
                ratio = f"{m['instructions'] / base.metrics()['instructions']:.2f}"
            table_row(f, name, system, number(m["instructions"]), ratio,
                      *(number(m[key]) for key in (
                          "user_instructions", "kernel_instructions", "idle_instructions",
                          "poll_instructions", "tick_instructions", "string_turns")),
                      str(len(fig.events)))


def write_compute(f, figures):
    """Kernel instructions on the CPUs that ran the loop; here, ticks do count."""
    if ("compute", "linux") not in figures:
        return
    f.write("\nA compute loop of 10 s, on the CPUs that it ran on:\n\n")
    table_row(f, "system", "user", "kernel", "of them ticks")
    table_row(f, "---", "---:", "---:", "---:")
    for system in SYSTEMS.values():
        fig = figures.get(("compute", system))
        if not fig:
            continue
        event = fig.typical
        cpus = {k[0] for k, n in event.items() if k[2] == "bench:do_compute" and n[WORK] > 1000000}

        def here(kind, mode):
            return fig.total(event, kind, lambda k: k[0] in cpus and k[1] == mode)

        ticks = here(TICK, "kernel")
        table_row(f, system, number(here(WORK, "user")), number(here(WORK, "kernel") + ticks),
                  number(ticks))


def write_parts(f, figures):
    f.write("\nThe parts of the event with the median total:\n\n")
    table_row(f, "what", "system", *PART_NAMES)
    table_row(f, "---", "---", *["---:"] * len(PART_NAMES))
    for (name, system), fig in sorted(figures.items(), key=lambda x: x[0]):
        parts = fig.parts()
        table_row(f, name, system, *(number(parts[part]) for part in PART_NAMES))


def write_symbols(f, figures, count=12):
    f.write("\nThe symbols with the most instructions, on all CPUs together:\n\n")
    for (name, system), fig in sorted(figures.items(), key=lambda x: x[0]):
        by_symbol = Counter()
        for (_, _, symbol), n in fig.typical.items():
            by_symbol[symbol] += n[WORK] / fig.units
        top = ", ".join(f"{s} {number(n)}" for s, n in by_symbol.most_common(count))
        f.write(f"- {name}, {system}: {top}\n")


def main(directory):
    figures = read_figures(directory)
    with open(f"{directory}/results.csv", "w", newline="") as f:
        write_results(f, figures)
    with open(f"{directory}/profile.csv", "w", newline="") as f:
        write_profile(f, figures)
    with open(f"{directory}/report.md", "w") as f:
        write_figures(f, figures)
        write_compute(f, figures)
        write_parts(f, figures)
        write_symbols(f, figures)


if __name__ == "__main__":
    main(sys.argv[1])
