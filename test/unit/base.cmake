# SPDX-License-Identifier: GPL-2.0-only
# Unit tests of the LWK's lowest room: text, arguments, lists, trees.
add_unit_test(lib SOURCES test/unit/test_lib.c mckernel/lib/printf.c mckernel/lib/kargs.c
              INCLUDES mckernel/include OPTIONS -Wno-format-truncation)
add_unit_test(tree SOURCES test/unit/test_tree.c mckernel/lib/tree.c INCLUDES mckernel/include)
