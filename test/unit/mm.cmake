# SPDX-License-Identifier: GPL-2.0-only
# Unit tests of the LWK's memory, over arch/fake, and of the ring.
file(GLOB mm_sources RELATIVE ${CMAKE_SOURCE_DIR} CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/mckernel/mm/*.c)
list(APPEND mm_sources mckernel/main/join_memory.c mckernel/task/hold.c mckernel/lib/lock.c mckernel/lib/kargs.c mckernel/lib/tree.c mckernel/arch/fake/fake.c)

# Fences are real; only TSan does not know them.
add_unit_library(mm SOURCES ${mm_sources} INCLUDES mckernel/include mckernel OPTIONS -Wno-tsan)

foreach(test phys policy commit aspace describe fault fork lend filecache memcalls mirror mirror_calls mm_random)
  set(sources_memcalls mckernel/syscall/memory.c mckernel/syscall/advice.c mckernel/syscall/mlock.c)
  set(sources_mirror_calls ${sources_memcalls})
  set(sources_commit ${sources_memcalls})
  add_unit_test(${test} SOURCES test/unit/test_${test}.c test/unit/mm_world.c test/unit/mm_linux.c ${sources_${test}}
                LIBRARY mm INCLUDES mckernel/include mckernel)
endforeach()

# All of it compiled again, to count the basic blocks that are executed.
add_unit_test(steps SOURCES test/unit/test_steps.c test/unit/mm_world.c test/unit/mm_linux.c ${mm_sources}
              INCLUDES mckernel/include mckernel OPTIONS -fsanitize-coverage=trace-pc)

add_unit_test(lend_threads TSAN SOURCES test/unit/test_lend_threads.c LIBRARY mm
              INCLUDES mckernel/include mckernel OPTIONS -Wno-tsan)
add_unit_test(ring TSAN SOURCES test/unit/test_ring.c OPTIONS -Wno-tsan)
