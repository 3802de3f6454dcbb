/* SPDX-License-Identifier: MIT */
/* files_names.c: files, their names and kinds. */
#include "kernel/files_private.h"

#include <arpa/inet.h>
#include <string.h>

const char *kernel_file_kind_name(guint kind)
{
	static const char *const names[KERNEL_FILE_KIND_COUNT] = {
#define KERNEL_K(id, name, meaning) [KERNEL_FILE_##id] = (name),
		KERNEL_FILE_KINDS(KERNEL_K)
#undef KERNEL_K
	};

	return kind < KERNEL_FILE_KIND_COUNT ? names[kind] : "unknown";
}

KernelFileItem *files_item(const KernelFiles *f, guint32 file)
{
	return history_table_item(f->set->history, f->table, file);
}

/* ---- Files -------------------------------------------------------------------------------------------------------- */

static guint32 add(KernelFiles *f, KernelThread *t, gint32 pid, guint kind, guint32 name, gint64 fd, gint64 opened_ns)
{
	guint64 number = history_table_len(f->set->history, f->table);

	if (number >= KERNEL_FILES_MAX && f->others != KERNEL_NO_FILE)
		return f->others;
	if (number >= KERNEL_FILES_MAX) {
		f->others = (guint32)number;
		kind = KERNEL_FILE_OTHERS;
		name = history_text(f->set->history, "others", -1);
	}
	KernelFileItem *item = history_table_add(f->set->history, f->table);
	*item = (KernelFileItem){.opened_ns = opened_ns, .closed_ns = G_MAXINT64, .name = name, .pid = pid, .kind = (guint8)kind,
				 .thread = t ? t->serial : G_MAXUINT32, .fd = (gint32)CLAMP(fd, -1, G_MAXINT32)};
	return (guint32)number;
}

guint32 files_new(KernelFiles *f, KernelThread *t, gint32 pid, guint kind, const char *name, gint64 fd, gint64 opened_ns)
{
	return add(f, t, pid, kind, history_text(f->set->history, name, -1), fd, opened_ns);
}

void files_learn(KernelFiles *f, guint32 file, guint kind)
{
	KernelFileItem *item = files_item(f, file);
	gboolean vague = item->kind == KERNEL_FILE_UNKNOWN || (item->kind == KERNEL_FILE_SOCKET && kernel_file_is_socket(kind)) ||
			 (item->kind == KERNEL_FILE_FILE && kind == KERNEL_FILE_DIRECTORY);

	if (vague)
		item->kind = (guint8)kind;
}

/* ---- Paths -------------------------------------------------------------------------------------------------------- */

/* What is known of a file by its absolute name, or by what the kernel calls an object without one. */
static guint kind_of_name(const char *name)
{
	static const struct {
		const char *prefix;
		guint8 kind;
	} known[] = {
		{"/dev/shm/", KERNEL_FILE_FILE},           {"/dev/", KERNEL_FILE_DEVICE},
		{"/proc/", KERNEL_FILE_KERNEL},            {"/sys/", KERNEL_FILE_KERNEL},
		{"pipe:", KERNEL_FILE_PIPE},               {"socket:", KERNEL_FILE_SOCKET},
		{"anon_inode:[eventfd]", KERNEL_FILE_EVENTFD},   {"anon_inode:[eventpoll]", KERNEL_FILE_EPOLL},
		{"anon_inode:[timerfd]", KERNEL_FILE_TIMERFD},   {"anon_inode:[signalfd]", KERNEL_FILE_SIGNALFD},
		{"anon_inode:inotify", KERNEL_FILE_INOTIFY},     {"anon_inode:[fanotify]", KERNEL_FILE_INOTIFY},
		{"anon_inode:[io_uring]", KERNEL_FILE_IO_URING}, {"anon_inode:", KERNEL_FILE_ANON},
		{"/memfd:", KERNEL_FILE_MEMFD},            {"", KERNEL_FILE_FILE},
	};
	guint i = 0;

	while (!g_str_has_prefix(name, known[i].prefix))
		i++;
	return known[i].kind;
}

/* The file of a key; made with `name` if there is none. */
static guint32 by_key(KernelFiles *f, KernelThread *t, gint32 pid, gint64 key, guint32 name, gint64 fd, gint64 opened_ns)
{
	gpointer known = g_hash_table_lookup(f->by_name, &key);

	if (known)
		return GPOINTER_TO_UINT(known) - 1;
	guint32 file = add(f, t, pid, kind_of_name(history_text_get(f->set->history, name)), name, fd, opened_ns);
	if (file != f->others)
		g_hash_table_insert(f->by_name, g_memdup2(&key, sizeof(key)), GUINT_TO_POINTER(file + 1));
	return file;
}

/* Families of what is relative to a descriptor whose path isn't known: above all that have numbers. */
#define OF_A_DIRECTORY (1ll << 30)

guint32 files_by_path(KernelFiles *f, KernelThread *t, const FilesProcess *p, gint32 pid, guint32 base, gboolean cwd, guint32 path, gint64 fd,
		      gint64 opened_ns)
{
	const char *given = history_text_get(f->set->history, path);
	gint64 family = 0;

	if (given[0] != '/' && base) {
		while (g_str_has_prefix(given, "./"))
			given += 2;
		const char *dir = history_text_get(f->set->history, base);
		g_autofree char *whole = g_strconcat(dir, g_str_has_suffix(dir, "/") ? "" : "/", given, NULL);
		path = history_text(f->set->history, whole, -1);
	} else if (given[0] != '/') {
		/* Relative to what is not known: the same only within those that have the same directory. */
		family = cwd ? p->family : OF_A_DIRECTORY + pid;
	}
	return by_key(f, t, pid, family << 32 | path, path, fd, opened_ns);
}

guint32 files_by_dump(KernelFiles *f, gint32 pid, const char *name, guint len, gint64 fd)
{
	static const char deleted[] = " (deleted)";
	char object[64];

	if (len > sizeof(deleted) - 1 && memcmp(name + len - (sizeof(deleted) - 1), deleted, sizeof(deleted) - 1) == 0)
		len -= sizeof(deleted) - 1;
	/* Objects of one name that are not one object. */
	if (len < sizeof(object) && len > 11 && memcmp(name, "anon_inode:", 11) == 0) {
		memcpy(object, name, len);
		object[len] = '\0';
		return files_new(f, NULL, pid, kind_of_name(object), object, fd, G_MININT64);
	}
	guint32 text = history_text(f->set->history, name, len);
	return by_key(f, NULL, pid, text, text, fd, G_MININT64);
}

guint32 files_path_text(KernelFiles *f, const TraceEvent *ev, guint field)
{
	guint len;

	if (!trace_has(ev, field) || f->n_paths >= KERNEL_PATHS_MAX)
		return 0;
	const char *path = trace_text(ev, field, &len);
	if (!len)
		return 0;
	guint32 text = history_text(f->set->history, path, len);
	if (text > f->last_path) {
		f->last_path = text;
		f->n_paths++;
	}
	return text;
}

/* ---- Sockets -------------------------------------------------------------------------------------------------------- */

guint files_socket_kind(gint64 family, gint64 type, gint64 protocol)
{
	enum { STREAM = 1, DGRAM = 2, TCP = 6, UDP = 17 };

	switch (family) {
	case 1:
		return KERNEL_FILE_UNIX;
	case 2:
	case 10:
		if ((type & 0xf) == STREAM && (protocol == 0 || protocol == TCP))
			return KERNEL_FILE_TCP;
		return (type & 0xf) == DGRAM && (protocol == 0 || protocol == UDP) ? KERNEL_FILE_UDP : KERNEL_FILE_INET;
	case 16:
		return KERNEL_FILE_NETLINK;
	case 17:
		return KERNEL_FILE_PACKET;
	case 40:
		return KERNEL_FILE_VSOCK;
	default:
		return KERNEL_FILE_SOCKET;
	}
}

static void end_text(const guint8 *addr, guint16 port, char *out, gsize size)
{
	static const guint8 mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	gboolean v4 = memcmp(addr, mapped, sizeof(mapped)) == 0;
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? addr + 12 : addr, text, sizeof(text));
	g_snprintf(out, size, v4 ? "%s:%u" : "[%s]:%u", text, port);
}

void files_name_socket(KernelFiles *f, guint32 file)
{
	KernelFileItem *item = files_item(f, file);
	char local[64] = "", remote[64] = "", name[160];

	if (item->has_local)
		end_text(item->local, item->local_port, local, sizeof(local));
	if (item->has_remote)
		end_text(item->remote, item->remote_port, remote, sizeof(remote));
	g_snprintf(name, sizeof(name), "%s%s%s%s%s%s", kernel_file_kind_name(item->kind), local[0] ? " " : "", local,
		   !item->has_remote ? "" : item->is_server ? " <- " : " -> ", remote,
		   item->has_local && !item->has_remote ? " (bound)" : "");
	item->name = history_text(f->set->history, name, -1);
	if (file < f->details->len)
		g_array_index(f->details, guint32, file) = 0;
}
