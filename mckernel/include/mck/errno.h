/* SPDX-License-Identifier: GPL-2.0-only */
/* Linux's error numbers, and the codes by which a call says how it has to be resumed. */
#ifndef MCK_ERRNO_H
#define MCK_ERRNO_H

#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define ENXIO 6
#define E2BIG 7
#define ENOEXEC 8
#define EBADF 9
#define ECHILD 10
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define EXDEV 18
#define ENODEV 19
#define EINVAL 22
#define ENOSPC 28
#define EDOM 33
#define ERANGE 34
#define EDEADLK 35
#define ENAMETOOLONG 36
#define ENOSYS 38
#define EOVERFLOW 75
#define EOPNOTSUPP 95
#define ETIMEDOUT 110

/*
 * Results that no program sees: a call was interrupted before it did
 * anything. up_syscall() turns them into EINTR or a repetition, see
 * mck/restart.h. The numbers are Linux's.
 */
#define ERESTARTSYS 512 /* repeat if the handler has SA_RESTART or there is none, else EINTR */
#define ERESTARTNOINTR 513 /* always repeat */
#define ERESTARTNOHAND 514 /* repeat if there is no handler, else EINTR */
#define ERESTART_RESTARTBLOCK 516 /* EINTR, never a full repeat */

#endif
