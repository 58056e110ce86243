! SPDX-License-Identifier: GPL-2.0-only
! A numerical program of libgfortran: solves a linear system, integrates, sorts, formats.
program numeric
  implicit none
  integer, parameter :: n = 80
  double precision :: a(n, n), b(n), x(n), c(n, n), factor, sum, h
  integer :: i, j, k, seed
  character(len=40) :: text

  seed = 4711
  do j = 1, n
    do i = 1, n
      seed = mod(seed * 421 + 1663, 7875)
      a(i, j) = dble(seed) / 7875d0 + merge(dble(n), 0d0, i == j)
    end do
    b(j) = sin(dble(j))
  end do
  c = matmul(a, transpose(a))
  x = b
  do k = 1, n - 1
    do i = k + 1, n
      factor = a(i, k) / a(k, k)
      a(i, k:n) = a(i, k:n) - factor * a(k, k:n)
      x(i) = x(i) - factor * x(k)
    end do
  end do
  do i = n, 1, -1
    x(i) = (x(i) - dot_product(a(i, i + 1:n), x(i + 1:n))) / a(i, i)
  end do
  print '(a, 4es24.16)', 'solution ', x(1), x(2), x(n - 1), x(n)
  print '(a, es24.16)', 'trace ', sqrt(c(1, 1) * c(n, n))

  sum = 0
  h = 1d0 / 20000
  do i = 0, 19999
    sum = sum + 4 / (1 + ((i + 0.5d0) * h)**2) * h
  end do
  print '(a, f18.14)', 'pi ', sum

  open (10, file='numbers.txt', status='replace')
  do i = 1, 50
    write (10, '(i5, f12.6, 1x, l1)') i, log(dble(i)), mod(i, 3) == 0
  end do
  rewind (10)
  do i = 1, 50
    read (10, '(a)') text
  end do
  close (10)
  print '(a)', trim(text)
  print *, exp(1d0), acos(-1d0), gamma(4.5d0), bessel_j0(2d0), erf(0.3d0)
end program numeric
