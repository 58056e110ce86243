/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module has to hear of file versions: opens given back, and that one is forgotten. */
#include "abi/ikc.h"
#include "filecache.h"

/* Both under file_cache.lock. */
static struct list to_tell = { &to_tell, &to_tell };
static bool teller_comes; /* a thread will tell */

/* The next message about f, or none (0). */
static enum lcall_op news_of(const struct file *f, u64 arg[IKC_LCALL_ARGS])
{
	memset(arg, 0, IKC_LCALL_ARGS * sizeof(arg[0]));
	arg[0] = f->id;
	arg[1] = f->owed;
	if (f->owed)
		return LCALL_FILE_IDLE;
	return f->dead ? LCALL_FILE_FORGET : 0;
}

/* It is sent: a file without more news leaves the list, and a dead one ends. */
static void news_sent(struct file *f, enum lcall_op op)
{
	if (op == LCALL_FILE_IDLE)
		f->owed = 0;
	if (op == LCALL_FILE_IDLE && f->dead)
		return;
	list_del(&f->telling);
	if (f->dead)
		kfree(f);
}

static struct file *news_first(void)
{
	return list_empty(&to_tell) ? NULL : list_entry(to_tell.next, struct file, telling);
}

/* With waiting, when no lcall was free. */
static void tell_thread(void *unused)
{
	u64 arg[IKC_LCALL_ARGS];
	enum lcall_op op;
	struct file *f;

	(void)unused;
	for (;;) {
		spin_lock(&file_cache.lock);
		f = news_first();
		op = f ? news_of(f, arg) : 0;
		if (f)
			news_sent(f, op);
		else
			teller_comes = false;
		spin_unlock(&file_cache.lock);
		if (!f)
			return;
		if (op)
			up_lcall(op, arg);
	}
}

void file_tell(void)
{
	u64 arg[IKC_LCALL_ARGS];
	struct file *f;
	bool defer = false;

	spin_lock(&file_cache.lock);
	while (!teller_comes && (f = news_first())) {
		enum lcall_op op = news_of(f, arg);

		if (op && !up_lcall_async(op, arg)) {
			defer = teller_comes = true;
			break;
		}
		news_sent(f, op);
	}
	spin_unlock(&file_cache.lock);
	/* Without memory for a thread, the next news take these along. */
	if (defer && !up_defer(tell_thread, NULL)) {
		spin_lock(&file_cache.lock);
		teller_comes = false;
		spin_unlock(&file_cache.lock);
	}
}

void file_news(struct file *f)
{
	if (list_empty(&f->telling))
		list_add_tail(&to_tell, &f->telling);
}
