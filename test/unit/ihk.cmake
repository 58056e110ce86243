# SPDX-License-Identifier: GPL-2.0-only
# Unit tests of the partition part: lists of the command line, images, and how long is too long.
add_unit_test(lists SOURCES test/unit/test_lists.c ihk/user/libihk/lists.c)
add_unit_test(image SOURCES test/unit/test_image.c ihk/base/image.c INCLUDES ihk .)
add_unit_test(patience SOURCES test/unit/test_patience.c INCLUDES ihk)
add_unit_test(expiry SOURCES test/unit/test_expiry.c INCLUDES ihk)
