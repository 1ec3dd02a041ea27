# Nightfill on the device: what every part needs. POSIX sh, for dash and busybox ash.
LC_ALL=C
PATH=${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 077
R=${NIGHTFILL_ROOT:-}
S=$R/var/lib/nightfill

# durable FILE...: on the disk before it returns.
durable() { sync "$@" 2>/dev/null || sync; }

# nap: a short wait; shorter at first (N counts the naps).
nap() {
	N=$((${N:-0} + 1))
	if [ "$N" -le 15 ]; then sleep 0.02 2>/dev/null || sleep 1; else sleep 0.1 2>/dev/null || sleep 1; fi
}

# up: U = whole seconds since boot, UU = the same with its fraction.
up() {
	UU=
	read -r UU _ <"$R/proc/uptime"
	U=${UU%%.*}
}

# settle DIR TEXT: the result of a work, complete on the disk at once; the first one stays.
settle() {
	printf '%s\n' "$2" >"$1/rc.$$" && durable "$1/rc.$$" && ln "$1/rc.$$" "$1/rc" 2>/dev/null
	rm -f "$1/rc.$$"
	durable "$1"
}

# stat_of PID: ZS = state, ZT = start time in ticks; fails when there is no such process.
stat_of() {
	ZS= ZT= line=
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
	line=${line##*) }
	# shellcheck disable=SC2086
	set -- $line
	[ $# -ge 20 ] || return 1
	ZS=$1
	shift 19
	ZT=$1
}

# alive PID START: this very process runs; a zombie is gone.
alive() { [ -n "$1" ] && [ "$1" != - ] && stat_of "$1" && [ "$ZS" != Z ] && [ "$ZT" = "$2" ]; }

# digest FILE: prints its SHA-256.
digest() {
	if command -v sha256sum >/dev/null 2>&1; then set -- "$(sha256sum <"$1")"
	elif command -v busybox >/dev/null 2>&1; then set -- "$(busybox sha256sum <"$1")"
	elif command -v openssl >/dev/null 2>&1; then set -- "$(openssl dgst -sha256 -r <"$1")"
	else set -- "$(shasum -a 256 <"$1")"; fi
	printf '%s\n' "${1%% *}"
}
