/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract in one list: every structure that two worlds share with the place
 * of each member and who writes it, every call between the kernels, every ioctl.
 * From these lists come the proofs of layout, the hashes that are checked at
 * load, the rights that an ioctl asks for, and docs/contract.md.
 */
#ifndef ABI_CONTRACT_H
#define ABI_CONTRACT_H

#include "boot.h"
#include "ioctl.h"
#include "proxy.h"
#include "pte.h"
#include "slot.h"

/*
 * SIZE(structure, bytes), FIELD(structure, member, offset, writer). Writers:
 *   IMAGE         whoever built the file
 *   BOOT          the module, before the first CPU of a boot starts; fixed then
 *   LINUX         the module, at any time
 *   LWK           the LWK, at any time
 *   PROXY         code in user mode: the module and the LWK believe none of it
 *   CALLER        whoever calls the ioctl: believed as far as it is checked
 *   PRODUCER, CONSUMER    of a ring, which have a side each
 * Two names joined: both, one after the other, as the structure's comment says.
 */

/* What every image needs: boot, channel, clock. */
#define ABI_BOOT_LAYOUT(SIZE, FIELD)                            \
	SIZE(boot_note, 24)                                     \
	FIELD(boot_note, abi_version, 0, IMAGE)                 \
	FIELD(boot_note, abi_hash, 8, IMAGE)                    \
	FIELD(boot_note, program_hash, 16, IMAGE)               \
	SIZE(lwk_boot_params, 92864)                            \
	FIELD(lwk_boot_params, magic, 0, BOOT)                  \
	FIELD(lwk_boot_params, abi_version, 8, BOOT)            \
	FIELD(lwk_boot_params, size, 12, BOOT)                  \
	FIELD(lwk_boot_params, abi_hash, 16, BOOT)              \
	FIELD(lwk_boot_params, os_index, 24, BOOT)              \
	FIELD(lwk_boot_params, cpu_count, 28, BOOT)             \
	FIELD(lwk_boot_params, chunk_count, 32, BOOT)           \
	FIELD(lwk_boot_params, node_count, 36, BOOT)            \
	FIELD(lwk_boot_params, image_start, 40, BOOT)           \
	FIELD(lwk_boot_params, image_size, 48, BOOT)            \
	FIELD(lwk_boot_params, log, 56, BOOT)                   \
	FIELD(lwk_boot_params, log_size, 64, BOOT)              \
	FIELD(lwk_boot_params, calls, 72, BOOT)                 \
	FIELD(lwk_boot_params, lcalls, 80, BOOT)                \
	FIELD(lwk_boot_params, bulks, 88, BOOT)                 \
	FIELD(lwk_boot_params, clock, 96, BOOT)                 \
	FIELD(lwk_boot_params, quarantine, 104, BOOT)           \
	FIELD(lwk_boot_params, quarantine_count, 112, BOOT)     \
	FIELD(lwk_boot_params, cycles_khz, 120, BOOT_LWK)       \
	FIELD(lwk_boot_params, memory_types, 128, BOOT)         \
	FIELD(lwk_boot_params, mitigations, 136, BOOT)          \
	FIELD(lwk_boot_params, proxy_catcher, 144, BOOT)        \
	FIELD(lwk_boot_params, proxy_restorer, 152, BOOT)       \
	FIELD(lwk_boot_params, seed, 160, BOOT)                 \
	FIELD(lwk_boot_params, overcommit, 192, BOOT)           \
	FIELD(lwk_boot_params, overcommit_ratio, 196, BOOT)     \
	FIELD(lwk_boot_params, overcommit_kbytes, 200, BOOT)    \
	FIELD(lwk_boot_params, admin_reserve_kbytes, 208, BOOT) \
	FIELD(lwk_boot_params, user_reserve_kbytes, 216, BOOT)  \
	FIELD(lwk_boot_params, distance, 256, BOOT)             \
	FIELD(lwk_boot_params, kargs, 320, BOOT)                \
	FIELD(lwk_boot_params, status, 2368, LWK)               \
	FIELD(lwk_boot_params, waits_for_time, 2372, LWK)       \
	FIELD(lwk_boot_params, clock_programs, 2376, LWK)       \
	FIELD(lwk_boot_params, counters, 2432, LWK)             \
	FIELD(lwk_boot_params, cpus, 2752, BOOT)                \
	FIELD(lwk_boot_params, chunks, 68288, BOOT)             \
	SIZE(boot_cpu, 256)                                     \
	FIELD(boot_cpu, machine_id, 0, BOOT)                    \
	FIELD(boot_cpu, node, 4, BOOT)                          \
	FIELD(boot_cpu, linux_cpu, 8, BOOT)                     \
	FIELD(boot_cpu, to_lwk, 16, BOOT)                       \
	FIELD(boot_cpu, to_linux, 24, BOOT)                     \
	FIELD(boot_cpu, attention, 64, BOTH)                    \
	FIELD(boot_cpu, doorbell_cpu, 68, LINUX)                \
	FIELD(boot_cpu, doorbell_vector, 72, LINUX)             \
	FIELD(boot_cpu, notes, 80, BOTH)                        \
	FIELD(boot_cpu, state, 128, LWK)                        \
	FIELD(boot_cpu, ready, 132, LWK)                        \
	FIELD(boot_cpu, heartbeat, 136, LWK)                    \
	FIELD(boot_cpu, running, 140, LWK)                      \
	FIELD(boot_cpu, calls_local, 144, LWK)                  \
	FIELD(boot_cpu, calls_offloaded, 152, LWK)              \
	FIELD(boot_cpu, faults, 160, LWK)                       \
	FIELD(boot_cpu, interrupts, 168, LWK)                   \
	FIELD(boot_cpu, doorbells_sent, 176, LWK)               \
	FIELD(boot_cpu, switches, 184, LWK)                     \
	FIELD(boot_cpu, flush_request, 192, BOTH)               \
	FIELD(boot_cpu, flush_done, 196, LWK)                   \
	SIZE(boot_chunk, 24)                                    \
	FIELD(boot_chunk, start, 0, BOOT)                       \
	FIELD(boot_chunk, size, 8, BOOT)                        \
	FIELD(boot_chunk, node, 16, BOOT)                       \
	SIZE(lwk_counters, 272)                                 \
	FIELD(lwk_counters, pages_total, 0, LWK)                \
	FIELD(lwk_counters, pages_free, 8, LWK)                 \
	FIELD(lwk_counters, pages_cache, 16, LWK)               \
	FIELD(lwk_counters, pages_user, 24, LWK)                \
	FIELD(lwk_counters, pages_kernel, 32, LWK)              \
	FIELD(lwk_counters, pages_quarantined, 40, LWK)         \
	FIELD(lwk_counters, processes_born, 48, LWK)            \
	FIELD(lwk_counters, processes_ran, 56, LWK)             \
	FIELD(lwk_counters, processes_ended, 64, LWK)           \
	FIELD(lwk_counters, threads_born, 72, LWK)              \
	FIELD(lwk_counters, threads_ended, 80, LWK)             \
	FIELD(lwk_counters, execs, 88, LWK)                     \
	FIELD(lwk_counters, signals, 96, LWK)                   \
	FIELD(lwk_counters, zaps, 104, LWK)                     \
	FIELD(lwk_counters, oom_kills, 112, LWK)                \
	FIELD(lwk_counters, bad_messages, 120, LWK)             \
	FIELD(lwk_counters, pages_free_node, 128, LWK)          \
	FIELD(lwk_counters, pages_clean_node, 192, LWK)         \
	FIELD(lwk_counters, pages_committed, 256, LWK)          \
	FIELD(lwk_counters, pages_commit_limit, 264, LWK)       \
	SIZE(log_ring, 64)                                      \
	FIELD(log_ring, total, 0, LWK)                          \
	FIELD(log_ring, size, 8, BOOT)                          \
	SIZE(clock_page, 120)                                   \
	FIELD(clock_page, seq, 0, LINUX)                        \
	FIELD(clock_page, source, 4, LINUX)                     \
	FIELD(clock_page, counter_pa, 8, LINUX)                 \
	FIELD(clock_page, counter_mask, 16, LINUX)              \
	FIELD(clock_page, cycle_last, 24, LINUX)                \
	FIELD(clock_page, mult, 32, LINUX)                      \
	FIELD(clock_page, shift, 36, LINUX)                     \
	FIELD(clock_page, raw_mult, 40, LINUX)                  \
	FIELD(clock_page, raw_shift, 44, LINUX)                 \
	FIELD(clock_page, real_sec, 48, LINUX)                  \
	FIELD(clock_page, nsec_shifted, 56, LINUX)              \
	FIELD(clock_page, mono_sec, 64, LINUX)                  \
	FIELD(clock_page, mono_nsec_shifted, 72, LINUX)         \
	FIELD(clock_page, raw_sec, 80, LINUX)                   \
	FIELD(clock_page, raw_nsec_shifted, 88, LINUX)          \
	FIELD(clock_page, boot_offset_ns, 96, LINUX)            \
	FIELD(clock_page, tai_offset, 104, LINUX)               \
	FIELD(clock_page, raw_ok, 108, LINUX)                   \
	FIELD(clock_page, sets, 112, LINUX)                     \
	SIZE(ring, 65664)                                       \
	FIELD(ring, tail, 0, PRODUCER)                          \
	FIELD(ring, head, 64, CONSUMER)                         \
	FIELD(ring, word, 128, PRODUCER)                        \
	SIZE(ikc_call, 136)                                     \
	FIELD(ikc_call, op, 0, LINUX)                           \
	FIELD(ikc_call, gen, 4, LINUX)                          \
	FIELD(ikc_call, arg, 8, LINUX)                          \
	FIELD(ikc_call, ret, 72, LWK)                           \
	FIELD(ikc_call, out, 80, LWK)                           \
	FIELD(ikc_call, state, 128, BOTH)                       \
	SIZE(ikc_lcall, 72)                                     \
	FIELD(ikc_lcall, op, 0, LWK)                            \
	FIELD(ikc_lcall, cpu, 4, LWK)                           \
	FIELD(ikc_lcall, arg, 8, LWK)                           \
	FIELD(ikc_lcall, ret, 56, LINUX)                        \
	FIELD(ikc_lcall, state, 64, BOTH)

/* What an image that runs programs needs beside. */
#define ABI_PROGRAM_LAYOUT(SIZE, FIELD)            \
	SIZE(exec_elf, 40)                         \
	FIELD(exec_elf, file_id, 0, LINUX)         \
	FIELD(exec_elf, entry, 8, LINUX)           \
	FIELD(exec_elf, type, 16, LINUX)           \
	FIELD(exec_elf, phnum, 18, LINUX)          \
	FIELD(exec_elf, phdr_offset, 20, LINUX)    \
	FIELD(exec_elf, phoff, 24, LINUX)          \
	FIELD(exec_elf, size, 32, LINUX)           \
	SIZE(region_info, 120)                     \
	FIELD(region_info, start, 0, LWK)          \
	FIELD(region_info, end, 8, LWK)            \
	FIELD(region_info, file_id, 16, LWK)       \
	FIELD(region_info, object, 24, LWK)        \
	FIELD(region_info, offset, 32, LWK)        \
	FIELD(region_info, prot, 40, LWK)          \
	FIELD(region_info, flags, 44, LWK)         \
	FIELD(region_info, resident, 48, LWK)      \
	FIELD(region_info, own, 52, LWK)           \
	FIELD(region_info, shared, 56, LWK)        \
	FIELD(region_info, shared_own, 60, LWK)    \
	FIELD(region_info, large, 64, LWK)         \
	FIELD(region_info, mapmax, 68, LWK)        \
	FIELD(region_info, portion, 72, LWK)       \
	FIELD(region_info, node_pages, 80, LWK)    \
	FIELD(region_info, policy, 112, LWK)       \
	FIELD(region_info, policy_nodes, 116, LWK) \
	SIZE(exec_image, 168)                      \
	FIELD(exec_image, program, 0, LINUX)       \
	FIELD(exec_image, interp, 40, LINUX)       \
	FIELD(exec_image, string_size, 80, LINUX)  \
	FIELD(exec_image, argc, 88, LINUX)         \
	FIELD(exec_image, envc, 96, LINUX)         \
	FIELD(exec_image, stack_limit, 104, LINUX) \
	FIELD(exec_image, as_limit, 112, LINUX)    \
	FIELD(exec_image, data_limit, 120, LINUX)  \
	FIELD(exec_image, personality, 128, LINUX) \
	FIELD(exec_image, exec_stack, 132, LINUX)  \
	FIELD(exec_image, lwk_cpu, 136, LINUX)     \
	FIELD(exec_image, mpol_mode, 140, LINUX)   \
	FIELD(exec_image, mpol_flags, 142, LINUX)  \
	FIELD(exec_image, comm, 144, LINUX)        \
	FIELD(exec_image, mpol_nodes, 160, LINUX)  \
	FIELD(exec_image, admin, 164, LINUX)       \
	SIZE(exec_commit, 104)                     \
	FIELD(exec_commit, string_start, 0, LINUX) \
	FIELD(exec_commit, string_end, 8, LINUX)   \
	FIELD(exec_commit, execfn, 16, LINUX)      \
	FIELD(exec_commit, argc, 24, LINUX)        \
	FIELD(exec_commit, envc, 32, LINUX)        \
	FIELD(exec_commit, uid, 40, LINUX)         \
	FIELD(exec_commit, euid, 44, LINUX)        \
	FIELD(exec_commit, gid, 48, LINUX)         \
	FIELD(exec_commit, egid, 52, LINUX)        \
	FIELD(exec_commit, secure, 56, LINUX)      \
	FIELD(exec_commit, blocked, 64, LINUX)     \
	FIELD(exec_commit, ignored, 72, LINUX)     \
	FIELD(exec_commit, hwcap, 80, LINUX)       \
	FIELD(exec_commit, hwcap2, 88, LINUX)      \
	FIELD(exec_commit, clktck, 96, LINUX)      \
	SIZE(slot, 4096)                           \
	FIELD(slot, seq, 0, LWK)                   \
	FIELD(slot, kind, 4, LWK)                  \
	FIELD(slot, nr, 8, LWK)                    \
	FIELD(slot, arg, 16, LWK)                  \
	FIELD(slot, child_slot, 64, LINUX)         \
	FIELD(slot, self, 72, LINUX)               \
	FIELD(slot, index, 80, LINUX)              \
	FIELD(slot, data, 128, LWK)                \
	FIELD(slot, result, 2048, PROXY)           \
	FIELD(slot, outcome, 2056, PROXY_LINUX)    \
	FIELD(slot, signo, 2060, PROXY_LINUX)      \
	FIELD(slot, aborted_seq, 2064, PROXY)      \
	FIELD(slot, saved_mask, 2072, PROXY)       \
	FIELD(slot, siginfo, 2080, PROXY)          \
	SIZE(kpage, 4096)                          \
	FIELD(kpage, req_seq, 0, LWK)              \
	FIELD(kpage, seen_seq, 8, LWK)             \
	FIELD(kpage, req_kind, 16, LWK)            \
	FIELD(kpage, cpu, 20, LWK)                 \
	FIELD(kpage, held, 24, LWK)                \
	FIELD(kpage, mask, 32, LWK)                \
	FIELD(kpage, karg, 40, LWK)                \
	FIELD(kpage, child_thread, 88, LWK)        \
	FIELD(kpage, child_space, 96, LWK)         \
	FIELD(kpage, child_root, 104, LWK)         \
	FIELD(kpage, child_epoch, 112, LWK)        \
	FIELD(kpage, times, 120, LWK)              \
	FIELD(kpage, user_ns, 128, LWK)            \
	FIELD(kpage, system_ns, 136, LWK)          \
	FIELD(kpage, list, 144, LWK)               \
	FIELD(kpage, note, 1168, LWK)              \
	FIELD(kpage, thread, 1176, LWK)            \
	FIELD(kpage, robust_list, 1184, LWK)       \
	FIELD(kpage, taken_seq, 2048, LINUX)       \
	FIELD(kpage, done_seq, 2056, LINUX)        \
	FIELD(kpage, twin_state, 2064, LINUX)      \
	FIELD(kpage, hold, 2068, LINUX)            \
	FIELD(kpage, dead, 2072, LINUX)            \
	FIELD(kpage, sigpend, 2076, LINUX)         \
	FIELD(kpage, in_wait, 2080, LINUX)         \
	FIELD(kpage, pid, 2084, LINUX)             \
	FIELD(kpage, tid, 2088, LINUX)             \
	FIELD(kpage, uid, 2092, LINUX)             \
	FIELD(kpage, euid, 2096, LINUX)            \
	FIELD(kpage, gid, 2100, LINUX)             \
	FIELD(kpage, egid, 2104, LINUX)            \
	FIELD(kpage, caps, 2108, LINUX)            \
	FIELD(kpage, linux_mask, 2112, LINUX)      \
	FIELD(kpage, kresult, 2120, LINUX)         \
	FIELD(kpage, kout, 2128, LINUX)            \
	FIELD(kpage, rlimit_as, 2160, LINUX)       \
	FIELD(kpage, rlimit_data, 2168, LINUX)     \
	FIELD(kpage, rlimit_stack, 2176, LINUX)    \
	FIELD(kpage, rlimit_memlock, 2184, LINUX)  \
	FIELD(kpage, sched, 2192, LINUX)           \
	FIELD(kpage, note_queued, 2196, BOTH)      \
	FIELD(kpage, note_next, 2200, BOTH)        \
	FIELD(kpage, traced, 2208, LINUX)          \
	SIZE(thread_times, 24)                     \
	FIELD(thread_times, user_cycles, 0, LWK)   \
	FIELD(thread_times, system_cycles, 8, LWK) \
	FIELD(thread_times, stamp, 16, LWK)        \
	SIZE(space_epoch, 48)                      \
	FIELD(space_epoch, epoch, 0, LWK)          \
	FIELD(space_epoch, walkers, 4, LINUX)      \
	FIELD(space_epoch, cpus, 16, LWK)          \
	SIZE(proxy_header, 64)                     \
	FIELD(proxy_header, magic, 0, IMAGE)       \
	FIELD(proxy_header, abi_version, 8, IMAGE) \
	FIELD(proxy_header, size, 12, IMAGE)       \
	FIELD(proxy_header, entry, 16, IMAGE)      \
	FIELD(proxy_header, catcher, 24, IMAGE)    \
	FIELD(proxy_header, restorer, 32, IMAGE)

/* Between the tools and the module. */
#define ABI_IOCTL_LAYOUT(SIZE, FIELD)                           \
	SIZE(ihk_list, 208)                                     \
	FIELD(ihk_list, address, 0, CALLER)                     \
	FIELD(ihk_list, count, 8, CALLER_LINUX)                 \
	FIELD(ihk_list, msg, 16, LINUX)                         \
	SIZE(ihk_mem, 16)                                       \
	FIELD(ihk_mem, size, 0, CALLER)                         \
	FIELD(ihk_mem, node, 8, CALLER)                         \
	SIZE(ihk_ikc_pair, 8)                                   \
	FIELD(ihk_ikc_pair, lwk_cpu, 0, CALLER)                 \
	FIELD(ihk_ikc_pair, linux_cpu, 4, CALLER)               \
	SIZE(ihk_verb, 200)                                     \
	FIELD(ihk_verb, value, 0, CALLER_LINUX)                 \
	FIELD(ihk_verb, msg, 8, LINUX)                          \
	SIZE(ihk_text, 208)                                     \
	FIELD(ihk_text, address, 0, CALLER)                     \
	FIELD(ihk_text, size, 8, CALLER_LINUX)                  \
	FIELD(ihk_text, msg, 16, LINUX)                         \
	SIZE(ihk_machine_counters, 240)                         \
	FIELD(ihk_machine_counters, pages_reserved, 0, LINUX)   \
	FIELD(ihk_machine_counters, pages_returned, 8, LINUX)   \
	FIELD(ihk_machine_counters, pages_late, 16, LINUX)      \
	FIELD(ihk_machine_counters, pages_held, 24, LINUX)      \
	FIELD(ihk_machine_counters, cpus_held, 32, LINUX)       \
	FIELD(ihk_machine_counters, instances, 40, LINUX)       \
	FIELD(ihk_machine_counters, msg, 48, LINUX)             \
	SIZE(ihk_build_id, 208)                                 \
	FIELD(ihk_build_id, abi_version, 0, LINUX)              \
	FIELD(ihk_build_id, abi_hash, 8, LINUX)                 \
	FIELD(ihk_build_id, msg, 16, LINUX)                     \
	SIZE(ihk_os_counters, 592)                              \
	FIELD(ihk_os_counters, lwk, 0, LINUX)                   \
	FIELD(ihk_os_counters, calls_local, 272, LINUX)         \
	FIELD(ihk_os_counters, calls_offloaded, 280, LINUX)     \
	FIELD(ihk_os_counters, faults, 288, LINUX)              \
	FIELD(ihk_os_counters, interrupts, 296, LINUX)          \
	FIELD(ihk_os_counters, doorbells_sent, 304, LINUX)      \
	FIELD(ihk_os_counters, switches, 312, LINUX)            \
	FIELD(ihk_os_counters, pages_assigned, 320, LINUX)      \
	FIELD(ihk_os_counters, pages_in_quarantine, 328, LINUX) \
	FIELD(ihk_os_counters, proxies, 336, LINUX)             \
	FIELD(ihk_os_counters, refused_messages, 344, LINUX)    \
	FIELD(ihk_os_counters, boots, 352, LINUX)               \
	FIELD(ihk_os_counters, msg, 400, LINUX)                 \
	SIZE(ihk_launch, 200)                                   \
	FIELD(ihk_launch, lwk_cpu, 0, CALLER)                   \
	FIELD(ihk_launch, msg, 8, LINUX)

/*
 * CALL(op, number, what it needs, errors). Beside those named, a call that the
 * LWK does not know is answered by ENOSYS, and one that it never answers ends by
 * EIO with the instance.
 */
#define ABI_CALLS(CALL)                                                                            \
	CALL(CALL_PROBE, 1, "a CPU that takes doorbells", "")                                      \
	CALL(CALL_EXEC_PREPARE, 2, "no thread, or one that waits for its execve",                  \
	     "ENOMEM ENOEXEC EINVAL ESRCH")                                                        \
	CALL(CALL_EXEC_COMMIT, 3, "a thread that was prepared and attached",                       \
	     "ENOMEM EINVAL EFAULT")                                                               \
	CALL(CALL_THREAD_ATTACH, 4, "a thread that was prepared and not attached", "ENOMEM ESRCH") \
	CALL(CALL_THREAD_END, 5, "any thread, once", "EINVAL")                                     \
	CALL(CALL_FAULT, 6, "a space between its prepare and its last thread's end", "")           \
	CALL(CALL_FILL_DONE, 7, "a frame that FAULT_FILL named", "EINVAL")                         \
	CALL(CALL_PAGES_BACK, 8, "pages in quarantine", "EINVAL")                                  \
	CALL(CALL_SHUTDOWN, 9, "no process, RUNNING", "EBUSY")                                     \
	CALL(CALL_FILE_CHANGED, 10, "", "ENOMEM EINVAL")                                           \
	CALL(CALL_REGIONS, 11, "a space between its prepare and its last thread's end",            \
	     "ESRCH EINVAL")                                                                       \
	CALL(CALL_THREAD_CPUS, 12, "a thread that has begun", "ESRCH")

/* LCALL(op, number, what it needs, errors); ENOSYS for one that the module does not know. */
#define ABI_LCALLS(LCALL)                                                  \
	LCALL(LCALL_ZAP, 1, "entries not present, TLBs flushed", "EINVAL") \
	LCALL(LCALL_FILE_IDLE, 2, "opens of the file", "")                 \
	LCALL(LCALL_FILE_FORGET, 3, "no page of the file cached", "")

/*
 * IOCTL(name, number, argument, who, state of the instance, errors). Who: ANY may
 * open the node; WRITER has it open for writing; ADMIN has CAP_SYS_ADMIN, else
 * EPERM. All may answer EFAULT, ENOTTY, ENOMEM, EINTR (killed while it waited).
 */
#define ABI_MACHINE_IOCTLS(IOCTL)                                                            \
	IOCTL(IHK_CREATE, 0x01, ihk_verb, ADMIN, "", "ENOSPC EBUSY")                         \
	IOCTL(IHK_DESTROY, 0x02, ihk_verb, ADMIN, "INACTIVE, PANIC, HUNGUP", "ENOENT EBUSY") \
	IOCTL(IHK_RESERVE_CPU, 0x03, ihk_list, ADMIN, "", "EINVAL EBUSY E2BIG")              \
	IOCTL(IHK_RELEASE_CPU, 0x04, ihk_list, ADMIN, "", "EINVAL EBUSY E2BIG")              \
	IOCTL(IHK_QUERY_CPU, 0x05, ihk_list, ANY, "", "")                                    \
	IOCTL(IHK_RESERVE_MEM, 0x06, ihk_list, ADMIN, "", "EINVAL E2BIG")                    \
	IOCTL(IHK_RELEASE_MEM, 0x07, ihk_list, ADMIN, "", "EINVAL E2BIG")                    \
	IOCTL(IHK_QUERY_MEM, 0x08, ihk_list, ANY, "", "")                                    \
	IOCTL(IHK_GET_INSTANCES, 0x09, ihk_list, ANY, "", "")                                \
	IOCTL(IHK_GET_COUNTERS, 0x0a, ihk_machine_counters, ANY, "", "")                     \
	IOCTL(IHK_GET_BUILD_ID, 0x0b, ihk_build_id, ANY, "", "")

/* All of these also ENODEV: the instance has been destroyed. */
#define ABI_OS_IOCTLS(IOCTL)                                                                    \
	IOCTL(IHK_OS_ASSIGN_CPU, 0x20, ihk_list, ADMIN, "INACTIVE", "EINVAL EBUSY E2BIG")       \
	IOCTL(IHK_OS_RELEASE_CPU, 0x21, ihk_list, ADMIN, "INACTIVE", "EINVAL EBUSY E2BIG")      \
	IOCTL(IHK_OS_QUERY_CPU, 0x22, ihk_list, ANY, "", "")                                    \
	IOCTL(IHK_OS_ASSIGN_MEM, 0x23, ihk_list, ADMIN, "INACTIVE", "EINVAL EBUSY E2BIG")       \
	IOCTL(IHK_OS_RELEASE_MEM, 0x24, ihk_list, ADMIN, "INACTIVE", "EINVAL EBUSY E2BIG")      \
	IOCTL(IHK_OS_QUERY_MEM, 0x25, ihk_list, ANY, "", "")                                    \
	IOCTL(IHK_OS_SET_IKC_MAP, 0x26, ihk_list, ADMIN, "INACTIVE", "EINVAL EBUSY E2BIG")      \
	IOCTL(IHK_OS_GET_IKC_MAP, 0x27, ihk_list, ANY, "", "")                                  \
	IOCTL(IHK_OS_LOAD, 0x28, ihk_verb, ADMIN, "INACTIVE", "EBADF ENOEXEC EBUSY ENOSPC")     \
	IOCTL(IHK_OS_KARGS, 0x29, ihk_text, ADMIN, "INACTIVE", "E2BIG EBUSY")                   \
	IOCTL(IHK_OS_BOOT, 0x2a, ihk_verb, ADMIN, "INACTIVE, image, CPUs and memory there",     \
	      "EINVAL EBUSY ENOSPC E2BIG EIO ETIMEDOUT")                                        \
	IOCTL(IHK_OS_SHUTDOWN, 0x2b, ihk_verb, ADMIN, "RUNNING, or dead; no programs if plain", \
	      "EINVAL EBUSY")                                                                   \
	IOCTL(IHK_OS_STATUS, 0x2c, ihk_verb, ANY, "", "")                                       \
	IOCTL(IHK_OS_KMSG, 0x2d, ihk_text, ADMIN, "", "")                                       \
	IOCTL(IHK_OS_CLEAR_KMSG, 0x2e, ihk_verb, ADMIN, "", "")                                 \
	IOCTL(IHK_OS_COUNTERS, 0x2f, ihk_os_counters, ANY, "", "")                              \
	IOCTL(IHK_OS_BUILD_ID, 0x30, ihk_build_id, ANY, "an image is loaded", "ENOENT")         \
	IOCTL(IHK_OS_LAUNCH, 0x40, ihk_launch, WRITER, "RUNNING, an image that runs programs",  \
	      "EACCES ENODEV EINVAL ENOEXEC")

/* ---- the proofs ---- */

#define ABI_PROVE_SIZE(type, size) \
	_Static_assert(sizeof(struct type) == (size), "struct " #type " has " #size " bytes");
#define ABI_PROVE_FIELD(type, member, offset, writer)                       \
	_Static_assert(__builtin_offsetof(struct type, member) == (offset), \
		       "struct " #type ": " #member " is at " #offset);
#define ABI_PROVE_NUMBER(name, number, needs, errors) \
	_Static_assert((name) == (number), #name " is " #number);
#define ABI_PROVE_IOCTL(name, number, type, who, state, errors) \
	_Static_assert((name) == IHK_IOC(number, struct type), #name " is " #number);

ABI_BOOT_LAYOUT(ABI_PROVE_SIZE, ABI_PROVE_FIELD)
ABI_PROGRAM_LAYOUT(ABI_PROVE_SIZE, ABI_PROVE_FIELD)
ABI_IOCTL_LAYOUT(ABI_PROVE_SIZE, ABI_PROVE_FIELD)
ABI_CALLS(ABI_PROVE_NUMBER)
ABI_LCALLS(ABI_PROVE_NUMBER)
ABI_MACHINE_IOCTLS(ABI_PROVE_IOCTL)
ABI_OS_IOCTLS(ABI_PROVE_IOCTL)

/* ---- the hashes ---- */

/*
 * Sums of a term per line of a list, folded by the compiler. They change when a
 * size, a place or the length of a name does; a change of meaning alone raises
 * ABI_VERSION.
 */
#define ABI_MIX(h, v) (((h) ^ (abi_u64)(v)) * 0x100000001b3UL)
#define ABI_TERM(name, a, b) +ABI_MIX(ABI_MIX(ABI_MIX(0xcbf29ce484222325UL, sizeof(name)), a), b)
#define ABI_HASH_SIZE(type, size) ABI_TERM(#type, sizeof(struct type), 0)
#define ABI_HASH_FIELD(type, member, offset, writer)                         \
	ABI_TERM(#type "." #member, __builtin_offsetof(struct type, member), \
		 sizeof(((struct type *)0)->member))
#define ABI_HASH_NUMBER(name, number, needs, errors) ABI_TERM(#name, name, 1)

/* In every image's note. */
#define ABI_HASH (0 ABI_BOOT_LAYOUT(ABI_HASH_SIZE, ABI_HASH_FIELD))
/* In the note of an image that runs programs. */
#define ABI_PROGRAM_HASH                                                                \
	(0 ABI_PROGRAM_LAYOUT(ABI_HASH_SIZE, ABI_HASH_FIELD) ABI_CALLS(ABI_HASH_NUMBER) \
		 ABI_LCALLS(ABI_HASH_NUMBER))

#endif
