# SPDX-License-Identifier: GPL-2.0-only
# Unit tests of the LWK's process part: decisions that need no machine.
add_unit_test(model_hold SOURCES test/unit/test_model_hold.c)
foreach(test restart signal table exec futexq clock timer deadline order)
  set(sources_restart mckernel/offload/restart.c)
  set(sources_signal mckernel/task/signal.c)
  set(sources_table mckernel/syscall/table.c mckernel/arch/x86_64/nospec.c)
  set(sources_exec mckernel/exec/exec_plan.c mckernel/exec/exec_stack.c)
  set(sources_futexq mckernel/task/futexq.c)
  set(sources_clock mckernel/time/clock.c mckernel/arch/x86_64/counter.c)
  set(sources_timer mckernel/task/timer.c mckernel/lib/tree.c)
  set(sources_deadline mckernel/syscall/deadline.c)
  set(sources_order mckernel/task/order.c mckernel/lib/tree.c)
  add_unit_test(${test} SOURCES test/unit/test_${test}.c test/unit/process_fake.c ${sources_${test}}
                INCLUDES mckernel/include mckernel)
endforeach()
add_unit_test(scan SOURCES test/unit/test_scan.c test/unit/process_fake.c mckernel/task/sched.c
                           mckernel/task/notes.c mckernel/task/posted.c mckernel/task/waitq.c
                           mckernel/task/timer.c mckernel/task/order.c mckernel/task/hold.c
                           mckernel/lib/tree.c
              INCLUDES mckernel/include mckernel OPTIONS -fsanitize-coverage=trace-pc)
