/* SPDX-License-Identifier: MIT */
/*
 * ctf/arena.h: memory for the metadata's objects, freed all at once. What it gives is zeroed and 8 byte aligned.
 */
#ifndef STRATA_CTF_ARENA_H
#define STRATA_CTF_ARENA_H

#include <glib.h>

typedef struct CtfArena CtfArena;

CtfArena *ctf_arena_new(void);
void ctf_arena_free(CtfArena *a); /* NULL is fine */
void *ctf_arena_alloc(CtfArena *a, gsize size);
char *ctf_arena_strndup(CtfArena *a, const char *s, gsize n);
void *ctf_arena_memdup(CtfArena *a, const void *p, gsize size);

#define ctf_arena_new0(a, Type, n) ((Type *)ctf_arena_alloc((a), sizeof(Type) * (gsize)(n)))

#endif
