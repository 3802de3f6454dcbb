/* SPDX-License-Identifier: MIT */
#include "ctf/metadata.h"

gboolean ctf_json_parse(CtfMetadata *m, GError **error)
{
	return ctf_metadata_error(m, m->text, error, "CTF 2 metadata can't be read by this version");
}
