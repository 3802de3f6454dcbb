/* SPDX-License-Identifier: MIT */
#include "ctfwriter.h"

#include <glib/gstdio.h>

/* The bytes expected here are worked out by hand from the specification. */
#define CHECK_BYTES(w, ...)                                                                                            \
	do {                                                                                                           \
		const guint8 expected[] = {__VA_ARGS__};                                                               \
		g_assert_cmpmem(ctfw_data(w)->data, ctfw_data(w)->len, expected, sizeof expected);                     \
	} while (0)

static void test_bits_little_endian(void)
{
	g_autoptr(CtfWriter) w = ctfw_new(G_LITTLE_ENDIAN);
	ctfw_uint(w, 0x5, 3);   /* bits 0-2 of byte 0 */
	ctfw_uint(w, 0x1ff, 9); /* the other 5, and 4 of byte 1 */
	ctfw_sint(w, -2, 4);    /* 1110 */
	ctfw_uint(w, 0x12345, 20);
	CHECK_BYTES(w, 0xfd, 0xef, 0x45, 0x23, 0x01);
	g_assert_cmpuint(ctfw_position(w), ==, 36);
}

static void test_bits_big_endian(void)
{
	g_autoptr(CtfWriter) w = ctfw_new(G_BIG_ENDIAN);
	ctfw_uint(w, 0x5, 3);   /* 101 */
	ctfw_uint(w, 0x1fe, 9); /* 11111 1110 */
	ctfw_sint(w, -2, 4);    /* 1110 */
	ctfw_uint(w, 0x12345, 20);
	CHECK_BYTES(w, 0xbf, 0xee, 0x12, 0x34, 0x50);
}

static void test_whole_numbers(void)
{
	g_autoptr(CtfWriter) w = ctfw_new(G_LITTLE_ENDIAN);
	ctfw_uint(w, 0x0102030405060708u, 64);
	ctfw_uint_as(w, 0x01020304u, 32, G_BIG_ENDIAN);
	ctfw_sint(w, -3, 16);
	ctfw_float(w, 1.0f);
	CHECK_BYTES(w, 8, 7, 6, 5, 4, 3, 2, 1, 1, 2, 3, 4, 0xfd, 0xff, 0, 0, 0x80, 0x3f);
}

static void test_texts(void)
{
	g_autoptr(CtfWriter) w = ctfw_new(G_BIG_ENDIAN);
	ctfw_uint(w, 1, 1);
	ctfw_string(w, "ab");
	ctfw_text(w, "xyz", 2);
	ctfw_text(w, "q", 3);
	CHECK_BYTES(w, 0x80, 'a', 'b', 0, 'x', 'y', 'q', 0, 0);
}

static void test_variable_length(void)
{
	g_autoptr(CtfWriter) w = ctfw_new(G_LITTLE_ENDIAN);
	ctfw_uleb128(w, 0);
	ctfw_uleb128(w, 127);
	ctfw_uleb128(w, 128);
	ctfw_uleb128(w, 624485);
	ctfw_sleb128(w, -1);
	ctfw_sleb128(w, 63);
	ctfw_sleb128(w, 64);
	ctfw_sleb128(w, -64);
	ctfw_sleb128(w, -123456);
	CHECK_BYTES(w, 0, 0x7f, 0x80, 0x01, 0xe5, 0x8e, 0x26, 0x7f, 0x3f, 0xc0, 0x00, 0x40, 0xc0, 0xbb, 0x78);
}

static void test_reversed(void)
{
	g_autoptr(CtfWriter) w = ctfw_new(G_BIG_ENDIAN);
	ctfw_uint_reversed(w, 0x01, 8, G_BIG_ENDIAN);
	ctfw_uint_reversed(w, 0x01, 8, G_LITTLE_ENDIAN);
	CHECK_BYTES(w, 0x80, 0x80);
}

/* Sizes count from the packet's own beginning, and so does alignment. */
static void test_packets(void)
{
	g_autoptr(CtfWriter) w = ctfw_new(G_BIG_ENDIAN);
	for (guint i = 0; i < 2; i++) {
		ctfw_packet_begin(w);
		ctfw_content_size(w, 16);
		ctfw_packet_size(w, 8);
		ctfw_align(w, 32);
		ctfw_uint(w, 0xf, 4);
		g_assert_cmpuint(ctfw_packet_position(w), ==, 36);
		ctfw_packet_end(w, i == 0 ? 0 : 56);
	}
	CHECK_BYTES(w, 0, 36, 40, 0, 0xf0, 0, 36, 56, 0, 0xf0, 0, 0);
}

static void test_metadata_packets(void)
{
	g_autofree char *dir = g_dir_make_tmp("ctfwriter-XXXXXX", NULL);
	g_autofree char *path = g_build_filename(dir, "metadata", NULL);
	g_autofree char *data = NULL;
	gsize n;
	ctfw_save_metadata_packets(dir, "abc", &(CtfwMetadataFormat){G_BIG_ENDIAN, {1, 2}, 39, 1, 8});
	g_assert_true(g_file_get_contents(path, &data, &n, NULL));
	g_assert_cmpuint(n, ==, 2 * 39);
	g_assert_cmpmem(data, 6, "\x75\xd1\x1d\x57\x01\x02", 6);
	g_assert_cmpmem(data + 24, 15,
	                "\0\0\x01\x38\0\0\x01\x38\0\0\0\x01\x08"
	                "ab",
	                15);
	g_assert_cmpmem(data + 39 + 24, 15,
	                "\0\0\x01\x30\0\0\x01\x38\0\0\0\x01\x08"
	                "c\0",
	                15);
	g_assert_cmpint(g_remove(path), ==, 0);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ctfwriter/bits-little-endian", test_bits_little_endian);
	g_test_add_func("/ctfwriter/bits-big-endian", test_bits_big_endian);
	g_test_add_func("/ctfwriter/whole-numbers", test_whole_numbers);
	g_test_add_func("/ctfwriter/texts", test_texts);
	g_test_add_func("/ctfwriter/variable-length", test_variable_length);
	g_test_add_func("/ctfwriter/reversed", test_reversed);
	g_test_add_func("/ctfwriter/packets", test_packets);
	g_test_add_func("/ctfwriter/metadata-packets", test_metadata_packets);
	return g_test_run();
}
