/* SPDX-License-Identifier: GPL-2.0-only */
/* Encodes a film of moving bars with x264, by as many threads as its argument says: same bytes each time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x264.h>

#include "prog.h"

#define WIDTH 320
#define HEIGHT 192
#define FRAMES 40

static uint64_t digest = 14695981039346656037u, bytes;

static void take(const x264_nal_t *nals, int size)
{
	const uint8_t *p = nals[0].p_payload;

	for (int i = 0; i < size; i++)
		digest = (digest ^ p[i]) * 1099511628211u;
	bytes += size;
}

static void draw(x264_picture_t *picture, int frame)
{
	for (int y = 0; y < HEIGHT; y++)
		for (int x = 0; x < WIDTH; x++)
			picture->img.plane[0][y * picture->img.i_stride[0] + x] =
				(x * 3 + y * (1 + frame % 5) + frame * 7) & 0xff;
	for (int plane = 1; plane < 3; plane++)
		memset(picture->img.plane[plane], 100 + frame,
		       picture->img.i_stride[plane] * HEIGHT / 2);
	picture->i_pts = frame;
}

int main(int argc, char **argv)
{
	x264_param_t param;
	x264_picture_t in, out;
	x264_nal_t *nals;
	x264_t *encoder;
	int count, size, frames = 0;

	NEED(argc == 2);
	NEED(!x264_param_default_preset(&param, "veryfast", NULL));
	param.i_threads = atoi(argv[1]);
	param.i_width = WIDTH;
	param.i_height = HEIGHT;
	param.i_csp = X264_CSP_I420;
	param.i_log_level = X264_LOG_ERROR;
	encoder = x264_encoder_open(&param);
	NEED(encoder);
	NEED(!x264_picture_alloc(&in, param.i_csp, WIDTH, HEIGHT));
	for (int frame = 0; frame < FRAMES || x264_encoder_delayed_frames(encoder); frame++) {
		if (frame < FRAMES)
			draw(&in, frame);
		size = x264_encoder_encode(encoder, &nals, &count, frame < FRAMES ? &in : NULL,
					   &out);
		NEED(size >= 0);
		if (size) {
			take(nals, size);
			frames++;
		}
	}
	CHECK(frames == FRAMES);
	x264_picture_clean(&in);
	x264_encoder_close(encoder);
	say("%d threads, %d frames, %" PRIu64 " bytes, %016" PRIx64, param.i_threads, frames, bytes,
	    digest);
	prog_exit();
}
