/* SPDX-License-Identifier: MIT */
/*
 * embed.c: a program of the build: the page's files as C.
 *
 *     embed DIRECTORY FILE.. >assets_data.c
 *
 * Files are known by their path below the directory.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define FILE_MAX (16ul << 20)

static unsigned char *read_file(const char *path, size_t *len_out)
{
	FILE *file = fopen(path, "rb");
	unsigned char *data = malloc(FILE_MAX);

	if (!file || !data) {
		fprintf(stderr, "embed: %s: cannot be read\n", path);
		exit(1);
	}
	*len_out = fread(data, 1, FILE_MAX, file);
	if (ferror(file) || *len_out == FILE_MAX) {
		fprintf(stderr, "embed: %s: cannot be read, or is too large\n", path);
		exit(1);
	}
	fclose(file);
	return data;
}

static void put_array(const char *name, int number, const unsigned char *data, size_t len)
{
	printf("static const guint8 %s_%d[] = {", name, number);
	for (size_t i = 0; i < len; i++)
		printf("%s%u,", i % 32 ? "" : "\n", data[i]);
	printf("0};\n");
}

/* 0: it would be no smaller. */
static size_t compress_file(const unsigned char *data, size_t len, unsigned char **out)
{
	z_stream z = {0};

	*out = NULL;
	if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
		return 0;
	unsigned long room = deflateBound(&z, len);
	*out = malloc(room);
	z.next_in = (unsigned char *)data;
	z.avail_in = (unsigned)len;
	z.next_out = *out;
	z.avail_out = (unsigned)room;
	int status = *out ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
	size_t n = z.total_out;
	deflateEnd(&z);
	return status == Z_STREAM_END && n < len ? n : 0;
}

static size_t put_file(const char *path, int number, size_t *gzip_len)
{
	size_t len;
	unsigned char *data = read_file(path, &len), *gzip;

	*gzip_len = compress_file(data, len, &gzip);
	put_array("data", number, data, len);
	if (*gzip_len)
		put_array("gzip", number, gzip, *gzip_len);
	free(data);
	free(gzip);
	return len;
}

/* The file's path below the directory. */
static const char *name_below(const char *file, const char *directory)
{
	char *real = realpath(file, NULL), *top = realpath(directory, NULL);
	size_t len = top ? strlen(top) : 0;

	if (real && top && strncmp(real, top, len) == 0 && real[len] == '/')
		return real + len + 1;
	fprintf(stderr, "embed: %s is not below %s\n", file, directory);
	exit(1);
}

int main(int argc, char **argv)
{
	size_t *lens = calloc((size_t)argc + 1, sizeof(*lens)), *gzip_lens = calloc((size_t)argc + 1, sizeof(*gzip_lens));

	if (argc < 3 || !lens || !gzip_lens)
		return 1;
	printf("/* Made by embed.c. */\n#include \"server/http.h\"\n\n");
	for (int i = 2; i < argc; i++)
		lens[i] = put_file(argv[i], i, &gzip_lens[i]);
	printf("\nconst ServerAsset server_assets[] = {\n");
	for (int i = 2; i < argc; i++) {
		printf("\t{\"%s\", data_%d, ", name_below(argv[i], argv[1]), i);
		if (gzip_lens[i])
			printf("gzip_%d, ", i);
		else
			printf("NULL, ");
		printf("%zu, %zu},\n", lens[i], gzip_lens[i]);
	}
	printf("\t{NULL, NULL, NULL, 0, 0},\n};\n");
	free(lens);
	free(gzip_lens);
	return 0;
}
