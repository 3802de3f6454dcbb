# SPDX-License-Identifier: MIT
"""Names of exit reasons by code, as the program's own table has them; tests/unit/test_tables.c compares that with the kernel's headers."""
import re

import tap

_BODIES = (tap.SOURCE / "src/kvm/reasons.h").read_text(encoding="utf-8").split("#define KVM_REASONS_")[1:]
VMX, SVM = ({int(code, 0): name for code, name in re.findall(r"R\(\s*(\w+), (\w+), ", body)} for body in _BODIES)
