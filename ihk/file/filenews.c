// SPDX-License-Identifier: GPL-2.0-only
/* Files that somebody maps have changed: the LWK hears of it, and drops what was read before. */
#include <linux/rculist.h>
#include <linux/workqueue.h>

#include "object/object.h"
#include "file/file.h"

/*
 * Who makes calls is told before he gets the next result. Those who only compute
 * see a change so much later at most; many changes in that time are one.
 */
#define NEWS_LATER (HZ / 20)

/* Counts the changes of all marked files. Raised after the mark's own count, in any context. */
static atomic64_t news = ATOMIC64_INIT(1);

/* All instances that run processes. Written under news_list_lock, read under RCU. */
static LIST_HEAD(listeners);
static DEFINE_SPINLOCK(news_list_lock);

void ihk_files_news(void)
{
	struct ihk_procs *procs;

	/* A full barrier: the mark's count before it, the look at the list after it. */
	atomic64_inc_return(&news);
	rcu_read_lock();
	list_for_each_entry_rcu(procs, &listeners, news_node)
		if (!delayed_work_pending(&procs->news_work))
			queue_delayed_work(system_unbound_wq, &procs->news_work, NEWS_LATER);
	rcu_read_unlock();
}

/* False: the LWK has no memory for it. An instance that has stopped shows nothing any more. */
static bool tell_some(struct ihk_procs *procs, struct ihk_call *c)
{
	unsigned int i;

	c->op = CALL_FILE_CHANGED;
	if (ihk_procs_call(procs, -1, c) || !c->ret)
		return true;
	for (i = 1; i <= c->arg[0]; i++)
		ihk_file_untold(procs, c->arg[i]);
	return false;
}

/* Each file once, so that no writer keeps us. Context: news_lock. */
static bool tell_all(struct ihk_procs *procs, u64 now)
{
	struct ihk_call c = {};

	while ((c.arg[0] = ihk_files_changed(procs, now, &c.arg[1], IKC_CALL_ARGS - 1)))
		if (!tell_some(procs, &c))
			return false;
	return true;
}

void ihk_news_tell(struct ihk_procs *procs)
{
	u64 now = atomic64_read(&news);

	if (likely(READ_ONCE(procs->news_told) >= now))
		return;
	/* Also to wait for who is telling it already. */
	mutex_lock(&procs->news_lock);
	if (procs->news_told < now) {
		now = atomic64_read(&news);
		/* Pairs with the order of the counts in the event. */
		smp_rmb();
		if (tell_all(procs, now))
			WRITE_ONCE(procs->news_told, now);
		else
			queue_delayed_work(system_unbound_wq, &procs->news_work, NEWS_LATER);
	}
	mutex_unlock(&procs->news_lock);
}

static void news_work(struct work_struct *work)
{
	ihk_news_tell(container_of(to_delayed_work(work), struct ihk_procs, news_work));
}

void ihk_news_begin(struct ihk_procs *procs)
{
	mutex_init(&procs->news_lock);
	INIT_DELAYED_WORK(&procs->news_work, news_work);
	procs->news_told = atomic64_read(&news);
	spin_lock(&news_list_lock);
	list_add_rcu(&procs->news_node, &listeners);
	spin_unlock(&news_list_lock);
}

void ihk_news_end(struct ihk_procs *procs)
{
	spin_lock(&news_list_lock);
	list_del_rcu(&procs->news_node);
	spin_unlock(&news_list_lock);
	synchronize_rcu();
	cancel_delayed_work_sync(&procs->news_work);
}
