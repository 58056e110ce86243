# SPDX-License-Identifier: GPL-2.0-only
# Unit tests of the LWK's lowest room: text, arguments, lists.
add_unit_test(lib SOURCES test/unit/test_lib.c mckernel/lib/printf.c mckernel/lib/kargs.c
              INCLUDES mckernel/include OPTIONS -Wno-format-truncation)
