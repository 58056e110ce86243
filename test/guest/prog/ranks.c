/* SPDX-License-Identifier: GPL-2.0-only */
/* A program of MPI: point to point, collectives, memory that the ranks of a node share, one file. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT 100000

static int rank, ranks;

/* Each sends to the next one, large enough to go by a way of its own. */
static double ring(void)
{
	double *out = malloc(COUNT * sizeof(*out)), *in = calloc(COUNT, sizeof(*in)), last;

	for (int i = 0; i < COUNT; i++)
		out[i] = rank * 1000.0 + i;
	MPI_Sendrecv(out, COUNT, MPI_DOUBLE, (rank + 1) % ranks, 1, in, COUNT, MPI_DOUBLE,
		     (rank + ranks - 1) % ranks, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
	last = in[COUNT - 1];
	free(out);
	free(in);
	return last;
}

static int shared(void)
{
	int *mine, *theirs, unit, sum = 0;
	MPI_Aint size;
	MPI_Win win;

	MPI_Win_allocate_shared(sizeof(*mine), sizeof(*mine), MPI_INFO_NULL, MPI_COMM_WORLD, &mine,
				&win);
	MPI_Win_lock_all(0, win);
	*mine = 1 << rank;
	MPI_Win_sync(win);
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Win_sync(win);
	for (int i = 0; i < ranks; i++) {
		MPI_Win_shared_query(win, i, &size, &unit, &theirs);
		sum += *theirs;
	}
	MPI_Win_unlock_all(win);
	MPI_Win_free(&win);
	return sum;
}

/* One-sided: everybody adds to a counter of the first. */
static int add_up(void)
{
	int *counter, one = rank + 1, before, sum;
	MPI_Win win;

	MPI_Win_allocate(sizeof(*counter), sizeof(*counter), MPI_INFO_NULL, MPI_COMM_WORLD,
			 &counter, &win);
	*counter = 0;
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Win_lock_all(0, win);
	for (int i = 0; i < 100; i++)
		MPI_Fetch_and_op(&one, &before, MPI_INT, 0, 0, MPI_SUM, win);
	MPI_Win_unlock_all(win);
	MPI_Barrier(MPI_COMM_WORLD);
	sum = *counter;
	MPI_Bcast(&sum, 1, MPI_INT, 0, MPI_COMM_WORLD);
	MPI_Win_free(&win);
	return sum;
}

static int in_file(const char *name)
{
	int value = rank + 1, read = 0, sum;
	MPI_File file;

	MPI_File_open(MPI_COMM_WORLD, name, MPI_MODE_CREATE | MPI_MODE_RDWR, MPI_INFO_NULL, &file);
	MPI_File_write_at_all(file, rank * (MPI_Offset)sizeof(value), &value, 1, MPI_INT,
			      MPI_STATUS_IGNORE);
	MPI_File_sync(file);
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_File_read_at_all(file, (rank + 1) % ranks * (MPI_Offset)sizeof(value), &read, 1,
			     MPI_INT, MPI_STATUS_IGNORE);
	MPI_File_close(&file);
	MPI_Allreduce(&read, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	return sum;
}

int main(int argc, char **argv)
{
	double last, all;
	int memory, counter, file;

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &ranks);
	last = ring();
	MPI_Reduce(&last, &all, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
	memory = shared();
	counter = add_up();
	file = in_file(argv[1]);
	if (!rank)
		printf("%d ranks: ring %.0f, memory %d, counter %d, file %d\n", ranks, all, memory,
		       counter, file);
	MPI_Finalize();
	return 0;
}
