# SPDX-License-Identifier: LGPL-2.1-or-later
# Everything by one word; meson and ninja do the work, tools/ brings what they need.

BUILD ?= build

.PHONY: all install demo test bench fuzz test-drgn test-kernels setup clean

all: setup
	@tools/build $(BUILD) 6.18

# Where the build was configured for (/usr/local), or to PREFIX; DESTDIR goes in front. Only this may need root.
install:
	@[ -z "$(PREFIX)" ] || meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX))
	@meson install -C $(BUILD) --quiet

# Install what is missing, fetch a kernel, build, boot, capture, show.
demo:
	@tools/setup --demo
	@tools/build $(BUILD) 6.18
	@tools/demo $(BUILD)

# Everything that can be checked without downloading hundreds of megabytes.
test:
	@tools/setup --test
	@tools/test $(BUILD)

bench:
	@tools/setup --test
	@tools/build $(BUILD) 6.18 newest
	@tools/bench $(BUILD)

# The exported frame in drgn; fetches the kernel's debug package (350 MB).
test-drgn:
	@tools/setup --test --drgn
	@tools/test $(BUILD) drgn

# Maps, values and the example scheduler on 6.16, 6.18, 7.0 and the newest 7.x; fetches the kernels (50 MB each).
test-kernels:
	@tools/setup --test
	@tools/test $(BUILD) kernels

# For an hour; with FUZZ_TIME=N, N seconds for each target.
fuzz:
	@tools/setup --test
	@tools/test $(BUILD) fuzz

setup:
	@tools/setup --demo

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-kernels $(BUILD)-tsan
