# SPDX-License-Identifier: GPL-2.0-only
# Tests that interleave the sides of a protocol in every way: see weave.h.

set(weave_headers ${CMAKE_CURRENT_BINARY_DIR}/linux_headers)
set(weave_includes_LWK mckernel/include mckernel mckernel/mm mckernel/syscall include test/unit)
set(weave_includes_MODULE ihk include test/unit)

# Every <linux/...> that the module's files under test include.
foreach(name binfmts bitmap completion cpumask cred delay elf file fs hash hashtable io kernel
        kref list log2 maple_tree minmax mm mmu_notifier module moduleparam mutex ratelimit rwsem sched sched/cputime
        sched/mm sched/signal sched/task semaphore sizes slab spinlock srcu string task_work timer
        timex types wait workqueue xarray)
  file(CONFIGURE OUTPUT ${weave_headers}/linux/${name}.h CONTENT "#include \"linux_fake.h\"\n")
endforeach()

foreach(name hmm hugetlb_inline wait_bit)
  file(CONFIGURE OUTPUT ${weave_headers}/linux/${name}.h CONTENT "#include \"linux_fake_mm.h\"\n")
endforeach()

# The program TARGET of the given files; BROKEN: the case that has to fail.
function(weave_program target broken)
  cmake_parse_arguments(PARSE_ARGV 2 W "" "" "SOURCES;LWK;MODULE")
  set(sources ${W_SOURCES})
  foreach(world LWK MODULE)
    if(W_${world})
      add_library(${target}_${world} OBJECT ${W_${world}})
      target_compile_options(${target}_${world} PRIVATE -fsanitize=thread -Wno-tsan -Wno-sign-compare
                             -Wno-unused-parameter -Wno-unused-function
                             -Wno-maybe-uninitialized)
      target_compile_definitions(${target}_${world} PRIVATE memcpy=weave_memcpy)
      list(APPEND sources $<TARGET_OBJECTS:${target}_${world}>)
    endif()
  endforeach()
  add_executable(${target} ${sources})
  foreach(part "" _LWK _MODULE)
    if(NOT TARGET ${target}${part})
      continue()
    endif()
    set(includes ${weave_includes_LWK})
    if(part STREQUAL _MODULE)
      set(includes ${weave_includes_MODULE})
      target_include_directories(${target}${part} PRIVATE ${weave_headers})
    endif()
    list(TRANSFORM includes PREPEND ${CMAKE_SOURCE_DIR}/)
    target_include_directories(${target}${part} PRIVATE ${includes})
  endforeach()
  target_link_libraries(${target} PRIVATE cmocka)
  if(broken)
    target_compile_definitions(${target} PRIVATE WEAVE_BROKEN="${broken}")
  endif()
endfunction()

# add_weave_test(NAME SOURCES FILE... [LWK FILE...] [MODULE FILE...])
# SOURCES run as they are; LWK and MODULE are interleaved, with the headers of
# the LWK and of the module, over linux_fake.h. Relative to the top.
function(add_weave_test name)
  cmake_parse_arguments(PARSE_ARGV 1 W "" "" "SOURCES;LWK;MODULE")
  foreach(list SOURCES LWK MODULE)
    list(TRANSFORM W_${list} PREPEND ${CMAKE_SOURCE_DIR}/)
  endforeach()
  list(APPEND W_SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/weave.c)
  set(weave_files_${name} SOURCES ${W_SOURCES} LWK ${W_LWK} MODULE ${W_MODULE} PARENT_SCOPE)
  weave_program(unit_${name} "" SOURCES ${W_SOURCES} LWK ${W_LWK} MODULE ${W_MODULE})
  set_target_properties(unit_${name} PROPERTIES OUTPUT_NAME ${name}
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test/unit)
  add_test(NAME ${name} COMMAND unit_${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()

# add_weave_fault(TEST FAULT CASE FILE OLD NEW)
# The proof that TEST can fail: with the text OLD in FILE replaced by NEW, its
# CASE does. Here fails the configuration if FILE has no such text any more.
function(add_weave_fault test fault case file old new)
  set(from ${CMAKE_SOURCE_DIR}/${file})
  set(to ${CMAKE_CURRENT_BINARY_DIR}/faults/${test}.${fault}/${file})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${from})
  file(READ ${from} text)
  string(REPLACE "${old}" "${new}" spoiled "${text}")
  if(spoiled STREQUAL text)
    message(FATAL_ERROR "${test}.${fault}: ${file} does not say:\n${old}")
  endif()
  file(CONFIGURE OUTPUT ${to} CONTENT "${spoiled}" @ONLY)
  string(REPLACE "${from}" "${to}" files "${weave_files_${test}}")
  weave_program(unit_${test}.${fault} "${case}" ${files})
  set_target_properties(unit_${test}.${fault} PROPERTIES OUTPUT_NAME ${test}.${fault}
                        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test/unit)
  add_test(NAME ${test}.${fault} COMMAND unit_${test}.${fault})
  set_tests_properties(${test}.${fault} PROPERTIES TIMEOUT 300)
endfunction()

add_weave_test(weave_ikc
               SOURCES test/unit/test_weave_ikc.c test/unit/no_programs.c
                       test/unit/linux_fake.c mckernel/arch/fake/fake.c
                       mckernel/lib/kargs.c
               LWK mckernel/ikc/ikc.c mckernel/lib/lock.c
               MODULE test/unit/weave_ikc_linux.c ihk/os/ikc.c ihk/os/call.c)
# A second CPU finds the answer to an lcall's last use, and takes it too.
add_weave_fault(weave_ikc take "two leave lcalls" mckernel/ikc/ikc.c
                [[__atomic_store_n(&found->state, IKC_FREE, __ATOMIC_RELAXED);]] "")
# The module's mark goes before the answer: a word between the two runs the lcall again.
add_weave_fault(weave_ikc busy "a word comes twice" ihk/os/ikc.c
                [[	smp_store_release(&os->lcalls[index].state, IKC_DONE);
	__clear_bit(index, ikc->lcall_busy);
	raw_spin_unlock_irqrestore(&ikc->slot_lock, flags);]]
                [[	__clear_bit(index, ikc->lcall_busy);
	raw_spin_unlock_irqrestore(&ikc->slot_lock, flags);
	smp_store_release(&os->lcalls[index].state, IKC_DONE);]])
# After the answer, and not in one with it: the word of its next use is taken for an old one's.
add_weave_fault(weave_ikc late "a word comes twice" ihk/os/ikc.c
                [[	raw_spin_lock_irqsave(&ikc->slot_lock, flags);
	smp_store_release(&os->lcalls[index].state, IKC_DONE);
	__clear_bit(]]
                [[	smp_store_release(&os->lcalls[index].state, IKC_DONE);
	raw_spin_lock_irqsave(&ikc->slot_lock, flags);
	__clear_bit(]])
# Who gives up a call frees its slot: the answer comes into its next use.
add_weave_fault(weave_ikc leave "a call is given up" ihk/os/call.c
                [[if (smp_load_acquire(&os->calls[index].state) == IKC_POSTED && ihk_os_alive(os))]]
                [[if (false)]])
# Two who look for a slot find the same.
add_weave_fault(weave_ikc slot "two call" ihk/os/call.c
                [[	index = find_first_zero_bit(ikc->call_busy, IKC_CALLS);
	__set_bit(index, ikc->call_busy);
	raw_spin_unlock_irqrestore(&ikc->slot_lock, flags);]]
                [[	index = find_first_zero_bit(ikc->call_busy, IKC_CALLS);
	raw_spin_unlock_irqrestore(&ikc->slot_lock, flags);
	__set_bit(index, ikc->call_busy);]])
# A boot complains of a call that comes just now, and takes nothing.
add_weave_fault(weave_ikc reset "a call comes before a boot" ihk/os/ikc.c
                [[	ihk_ikc_quiesce(os);
	bitmap_zero]]
                [[	WARN_ON(atomic_read(&os->ikc->users));
	bitmap_zero]])

add_weave_test(weave_space SOURCES test/unit/linux_fake.c
               MODULE test/unit/test_weave_space.c ihk/space/space.c)
# The number is free before the page has gone: the next child finds the dead one's request.
add_weave_fault(weave_space drop "a number passes on" ihk/space/space.c
                [[xa_store(&space->slots, number, XA_ZERO_ENTRY, GFP_KERNEL);]]
                [[xa_erase(&space->slots, number);]])
# A stop that does not sleep keeps him from his CPU whom it waits for.
add_weave_fault(weave_space spin "a stop meets the last end" ihk/space/space.c
                [[msleep(1);]] [[(void)0;]])
# The space is not found any more, and still shows pages: the stop does not wait for it.
add_weave_fault(weave_space hidden "a stop meets the last end" ihk/space/space.c
                [[	unmap_mapping_pages(file->f_mapping, 0, 0, true);
	xa_erase(&procs->spaces, SPACE_INDEX(space->id));]]
                [[	xa_erase(&procs->spaces, SPACE_INDEX(space->id));
	unmap_mapping_pages(file->f_mapping, 0, 0, true);]])

add_weave_test(weave_mirror SOURCES test/unit/linux_fake.c
               MODULE test/unit/test_weave_mirror.c ihk/space/mirror.c)
# A page that is being entered just now is not found, and the one who enters it sees nothing new.
add_weave_fault(weave_mirror seq "a fault and a taking back" ihk/space/mirror.c
                [[	mmu_interval_set_seq(sub, seq);
	/* Who closes may not have come here yet, and waits for us before the tables go. */
	go = token >= 0 && (!space->mirror_closed || space->mirror_drops) && touches(m, start, end);
	space->mirror_drops += go;
	spin_unlock(&space->mirror_lock);]]
                [[	go = token >= 0 && (!space->mirror_closed || space->mirror_drops) && touches(m, start, end);
	space->mirror_drops += go;
	spin_unlock(&space->mirror_lock);
	mmu_interval_set_seq(sub, seq);]])
# What Linux has taken back since is entered.
add_weave_fault(weave_mirror retry "a fault and a taking back" ihk/space/mirror.c
                [[mmu_interval_read_retry(&f->m->sub, f->seq)]] [[false]])
# Linux goes on while a CPU has the page in its TLB,
add_weave_fault(weave_mirror flush "a fault and a taking back" ihk/space/mirror.c
                [[			ihk_flush_lwk(space->procs, space->epoch->cpus);
		drop_end(space);]]
                [[			cond_resched();
		drop_end(space);]])
# or one that another took out, who still waits for that;
add_weave_fault(weave_mirror others "two take back" ihk/space/mirror.c
                [[drop_range(m, start, end) || others_drop(space)]] [[drop_range(m, start, end)]])
# or who came between the look for others and the one for the page;
add_weave_fault(weave_mirror early "two take back" ihk/space/mirror.c
                [[drop_range(m, start, end) || others_drop(space)]]
                [[others_drop(space) || drop_range(m, start, end)]])
# or who closes, and has not come so far.
add_weave_fault(weave_mirror closing "a taking back and the end" ihk/space/mirror.c
                [[(!space->mirror_closed || space->mirror_drops)]] [[!space->mirror_closed]])
# Something is entered behind the end,
add_weave_fault(weave_mirror closed "a fault and the end" ihk/space/mirror.c
                [[	if (space->mirror_closed) {
		err = -EINTR;
	} else if]]
                [[	if]])
# or somebody still looks for his page in a table that is gone.
add_weave_fault(weave_mirror wait "a taking back and the end" ihk/space/mirror.c
                [[	wait_var_event(&space->mirror_drops, !READ_ONCE(space->mirror_drops));
]]
                [[]])

add_weave_test(weave_launch SOURCES test/unit/linux_fake.c
               MODULE test/unit/test_weave_launch.c ihk/proc/launch.c)
# Two threads make their mm's format ours at once, and one reference of the module stays for good.
add_weave_fault(weave_launch format "tags and an exec" ihk/proc/launch.c
                [[	set_format();
	spin_unlock(&launch_lock);]]
                [[	spin_unlock(&launch_lock);
	if (current->mm->binfmt != &ihk_binfmt)
		set_binfmt(&ihk_binfmt);]])
# Each takes itself for the first.
add_weave_fault(weave_launch first "tags and an exec" ihk/proc/launch.c
                [[	spin_lock(&launch_lock);
	before = l->procs;]]
                [[	before = l->procs;
	spin_lock(&launch_lock);]])

add_weave_test(weave_twin SOURCES test/unit/linux_fake.c
               MODULE test/unit/test_weave_twin.c ihk/twin/twin.c)
# The index alone: who has it now is woken for another's request.
add_weave_fault(weave_twin gen "an index passes on" ihk/twin/twin.c
                [[twin && twin->gen == gen ?]] [[twin ?]])
# Freed at once, while an interrupt may look at it.
add_weave_fault(weave_twin free "an index passes on" ihk/twin/twin.c
                [[queue_rcu_work(free_queue, &twin->free_work);]]
                [[twin_free(&twin->free_work.work);]])
# What is told to one that is gone stands in a page that is another's by now.
add_weave_fault(weave_twin page "an end, and news for it" ihk/twin/twin.c
                [[!hlist_unhashed(&twin->hash) && ihk_sched_publish(]]
                [[ihk_sched_publish(]])
# The table still names one that is gone.
add_weave_fault(weave_twin delist "an index passes on" ihk/twin/twin.c
                [[	xa_erase(&procs->twins, twin->index);
]]
                [[]])

# It is counted for ever, and the instance's stop waits for it.
add_weave_fault(weave_twin count "no index is left" ihk/twin/twin.c
                [[	twin_uncount(procs);
	return err == -EBUSY]]
                [[	return err == -EBUSY]])

add_weave_test(weave_times SOURCES test/unit/linux_fake.c
               LWK test/unit/test_weave_times.c MODULE ihk/twin/times.c)
# The stamp first: what has been counted since is told twice.
add_weave_fault(weave_times stamp "read while it runs" ihk/twin/times.c
                [[	u64 user_cycles = smp_load_acquire(&t->user_cycles);
	u64 system_cycles = smp_load_acquire(&t->system_cycles);
	u64 stamp = READ_ONCE(t->stamp);]]
                [[	u64 stamp = READ_ONCE(t->stamp);
	u64 user_cycles = smp_load_acquire(&t->user_cycles);
	u64 system_cycles = smp_load_acquire(&t->system_cycles);]])

add_weave_test(weave_quarantine SOURCES test/unit/linux_fake.c
               MODULE test/unit/test_weave_quarantine.c ihk/partition/quarantine.c)
# What Linux let go of after the list was made is not entered again: the LWK never gets it.
add_weave_fault(weave_quarantine adopt "pages over a boot" ihk/partition/quarantine.c
                [[		ihk_quarantine_add(os, os->quarantine[i]);]]
                [[		if (ihk_quarantine_has(os->quarantine[i]))
			ihk_quarantine_add(os, os->quarantine[i]);]])
# An owner that does not run yet is taken for none.
add_weave_fault(weave_quarantine early "pages over a boot" ihk/partition/quarantine.c
                [[if (!*procs || (*procs)->boot_gen == e->boot_gen)]]
                [[if (!*procs)
		return false;
	if ((*procs)->boot_gen == e->boot_gen)]])

add_weave_test(weave_phys SOURCES test/unit/test_weave_phys.c test/unit/no_programs.c mckernel/arch/fake/fake.c
                                  mckernel/lib/kargs.c
               LWK mckernel/mm/phys.c mckernel/lib/lock.c)
# That it has come back already is overwritten, and the page is lost.
add_weave_fault(weave_phys flags "a page comes back" mckernel/mm/phys.c
                [[	old = __atomic_exchange_n(&f->flags, FRAME_AWAY, __ATOMIC_ACQ_REL);]]
                [[	old = f->flags;
	f->flags = FRAME_AWAY;]])

add_weave_test(weave_futex SOURCES test/unit/test_weave_futex.c test/unit/no_programs.c mckernel/arch/fake/fake.c
                                   mckernel/lib/kargs.c
               LWK mckernel/task/futexq.c mckernel/syscall/futex.c mckernel/syscall/futex_wait.c
                   mckernel/syscall/futex_word.c mckernel/syscall/futex_pi.c
                   mckernel/syscall/futex_inherit.c mckernel/syscall/futex_requeue_pi.c mckernel/lib/lock.c)
# The word is tested before its waiter can be seen: a wake between the two is lost.
add_weave_fault(weave_futex test "a wait and a wake" mckernel/syscall/futex_wait.c
                [[	spin_lock(&b->lock);
	err = arch_user_load(addr, &now);]]
                [[	err = arch_user_load(addr, &now);
	spin_lock(&b->lock);]])
# Who is next was decided when it came to wait.
add_weave_fault(weave_futex rank "a rank by another lock" mckernel/syscall/futex_inherit.c
                [[		pi = rank_again(owner);]] [[		pi = owner->pi_waits;]])
# It is looked for where it was, and leaves a queue whose lock is not held.
add_weave_fault(weave_futex bucket "a requeue and an end" mckernel/task/futexq.c
                [[if (w->state == FUTEX_QUEUED && w->bucket == b)]]
                [[if (w->state == FUTEX_QUEUED)]])
# The CPU that it has left is rung.
add_weave_fault(weave_futex place "a move" mckernel/task/futexq.c
                [[	__atomic_store_n(&s->rung, 1, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	place = sched_note(s->thread);]]
                [[	place = sched_note(s->thread);
	__atomic_store_n(&s->rung, 1, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);]])
# Its stack and its thread are gone when they are looked at.
add_weave_fault(weave_futex last "a waiter goes" mckernel/task/futexq.c
                [[	while (state != FUTEX_WOKEN) {]]
                [[	while (state == FUTEX_QUEUED) {]])
# The owner may unlock in its own memory, and look for nobody.
add_weave_fault(weave_futex announce "an unlock" mckernel/syscall/futex_pi.c
                [[err = change(a->addr, word, word | FUTEX_WAITERS);]]
                [[err = 0;]])
# Somebody waits for an owner that has looked for the last time.
add_weave_fault(weave_futex dead "a death" mckernel/syscall/futex_pi.c
                [[if (!owner || owner->pi_end == PI_END_DEAD)]]
                [[if (!owner)]])
# Who has taken a dead owner's lock meanwhile loses it to the one that it was given to.
add_weave_fault(weave_futex taken "a death, and two who come by" mckernel/syscall/futex_pi.c
                [[		if (!err && !pi && tid && tid != dead)
			err = -EBUSY;]]
                [[		(void)dead, (void)tid;]])
# Nobody tells who waits for the end of an owner.
add_weave_fault(weave_futex exit "a death" mckernel/syscall/futex_pi.c
                [[	if (__atomic_load_n(&exit_waiters, __ATOMIC_SEQ_CST))
		wake_all_cpus();]]
                "")

add_weave_test(weave_balance SOURCES test/unit/test_weave_balance.c test/unit/no_programs.c mckernel/arch/fake/fake.c
                                     mckernel/lib/kargs.c mckernel/lib/tree.c
               LWK mckernel/task/balance.c mckernel/task/order.c mckernel/lib/lock.c)
# Who became idle before it could see the surplus, and after it was looked for, is never sent anything.
add_weave_fault(weave_balance late "idle and surplus" mckernel/task/balance.c
                [[	if (surplus)
		push_all(rq);]]
                "")
# Both find the same CPU idle.
add_weave_fault(weave_balance claim "two send" mckernel/task/balance.c
                [[	return __atomic_fetch_and(&idle_map[place / 64], ~bit, __ATOMIC_ACQ_REL) & bit;]]
                [[	bool was = idle_map[place / 64] & bit;

	idle_map[place / 64] &= ~bit;
	return was;]])

add_weave_test(weave_tid SOURCES test/unit/test_weave_tid.c LWK mckernel/syscall/tid_store.c)
# The second one stores it again: perhaps behind the child's end, and a join waits for ever.
add_weave_fault(weave_tid twice "both go on" mckernel/syscall/tid_store.c
                [[		wait_stored(s);
		return;]]
                "")
# The second one does not wait for the first.
add_weave_fault(weave_tid early "both go on" mckernel/syscall/tid_store.c
                [[		wait_stored(s);
]]
                "")

add_weave_test(weave_notes SOURCES test/unit/no_programs.c mckernel/arch/fake/fake.c
                                   mckernel/lib/kargs.c
               LWK mckernel/task/notes.c test/unit/test_weave_notes.c mckernel/lib/lock.c)
# It looks before the note has ended: a change behind that look finds a note, and adds none.
add_weave_fault(weave_notes end "two changes" mckernel/task/notes.c
                [[	note_end(&t->note_queued);
	if (here)
		sched_look(rq, t);]]
                [[	if (here)
		sched_look(rq, t);
	note_end(&t->note_queued);]])
add_weave_fault(weave_notes linux "Linux changes two" mckernel/task/notes.c
                [[	note_end(&k->note_queued);
	if (here)
		sched_look(rq, t);]]
                [[	if (here)
		sched_look(rq, t);
	note_end(&k->note_queued);]])
# What is behind it in the list is read when it may be in another one.
add_weave_fault(weave_notes next "two threads" mckernel/task/notes.c
                [[		next = __atomic_load_n(&t->note_next, __ATOMIC_RELAXED);
		take_ours(rq, self, t);]]
                [[		take_ours(rq, self, t);
		next = __atomic_load_n(&t->note_next, __ATOMIC_RELAXED);]])
# Its note stays with the CPU that it has left.
add_weave_fault(weave_notes follow "a move" mckernel/task/notes.c
                [[		follow(&runq_of(cpu_of(place))->notes, &t->note_next, (u64)t, place);
		return;]]
                "")
add_weave_fault(weave_notes away "a move under Linux" mckernel/task/notes.c
                [[		follow(&cpu_of(place)->boot->notes, &k->note_next, (u64)k, place);
		return;]]
                "")
# It is freed while a list has it.
add_weave_fault(weave_notes keep "an end" mckernel/task/notes.c
                [[return __atomic_load_n(&t->note_queued, __ATOMIC_ACQUIRE);]]
                [[return false;]])
