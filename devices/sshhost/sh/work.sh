# What a work is made of: installing, proving, taking back.
export NIGHTFILL_ROOT="$R" DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l
cd "${R:-/}" || exit 1

refuse() {
	echo "$1"
	exit 90
}

# staged DIGEST NAME: F = the staged file, whole.
staged() {
	F=$S/stage/$1/$2
	[ -f "$F" ] && [ ! -L "$F" ] || refuse "$2 is not staged on the device"
	[ "$(digest "$F")" = "$1" ] || refuse "$2 was damaged on the device after it was staged"
}

# limited SECONDS COMMAND...: runs it, but not longer, and without input.
limited() {
	limit=$1
	shift
	if command -v timeout >/dev/null 2>&1; then timeout "$limit" "$@" </dev/null; else "$@" </dev/null; fi
}

# last TEXT: its last line that is not empty, for one-line messages.
last() { printf '%s\n' "$1" | sed '/^[[:space:]]*$/d' | tail -n 1 | cut -c1-300; }

# The proofs. Each leaves in SAW what it found.
proof_service() {
	state=
	if command -v systemctl >/dev/null 2>&1; then
		state=$(systemctl is-active "$1" 2>/dev/null </dev/null)
	fi
	case $state in
	active | reloading | refreshing) SAW="service $1 is running"; return 0 ;;
	'' | unknown | offline) ;;
	*) SAW="service $1 is not running ($state)"; return 1 ;;
	esac
	if [ -x "$R/etc/init.d/$1" ]; then
		state=$(limited 20 "$R/etc/init.d/$1" status 2>&1) && { SAW="service $1 is running"; return 0; }
	elif command -v service >/dev/null 2>&1; then
		state=$(limited 20 service "$1" status 2>&1) && { SAW="service $1 is running"; return 0; }
	else
		state='no such service'
	fi
	SAW="service $1 is not running ($(last "$state"))"
	return 1
}

# restart_service NAME: starts it anew and waits until it runs.
restart_service() {
	if command -v systemctl >/dev/null 2>&1 && [ "$(systemctl is-active "$1" 2>/dev/null </dev/null)" != offline ]; then
		limited 60 systemctl restart "$1"
	elif [ -x "$R/etc/init.d/$1" ]; then
		limited 60 "$R/etc/init.d/$1" restart
	elif command -v service >/dev/null 2>&1; then
		limited 60 service "$1" restart
	else
		echo "service $1 cannot be started: the device has no way to do it"
		exit 1
	fi || { proof_service "$1"; echo "service $1 cannot be restarted ($SAW)"; exit 1; }
	tries=0
	until proof_service "$1"; do
		tries=$((tries + 1))
		[ $tries -lt 15 ] || { echo "$SAW"; exit 1; }
		sleep 1
	done
	echo "$SAW"
	exit 0
}

proof_http() {
	code=
	if command -v curl >/dev/null 2>&1; then
		code=$(curl -ksS -m 10 -o /dev/null -w '%{http_code}' "$1" 2>&1 </dev/null)
		code=$(last "$code")
	elif command -v wget >/dev/null 2>&1 || command -v busybox >/dev/null 2>&1; then
		get=wget
		command -v wget >/dev/null 2>&1 || get='busybox wget'
		if code=$($get -q -T 10 -O /dev/null "$1" 2>&1 </dev/null); then code=200; else code=$(last "$code"); fi
	else
		h=${1#http://} path=/
		case $h in */*) path=/${h#*/} h=${h%%/*} ;; esac
		port=80
		case $h in *:*) port=${h##*:} h=${h%:*} ;; esac
		# shellcheck disable=SC2016
		code=$(limited 10 bash -c 'exec 3<>"/dev/tcp/$1/$2" && printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "$3" "$1" >&3 && read -r _ c _ <&3 && echo "$c"' - "$h" "$port" "$path" 2>&1)
		code=$(last "$code")
	fi
	SAW="$1 answered ${code:-nothing}"
	case $code in 2??) return 0 ;; esac
	return 1
}

proof_tcp() {
	h=${1%:*} port=${1##*:}
	if command -v bash >/dev/null 2>&1; then
		# shellcheck disable=SC2016
		said=$(limited 10 bash -c ': >"/dev/tcp/$1/$2"' - "$h" "$port" 2>&1)
	elif command -v nc >/dev/null 2>&1; then
		said=$(nc -z -w 5 "$h" "$port" 2>&1 </dev/null)
	else
		said=$(busybox nc -w 5 "$h" "$port" 2>&1 </dev/null)
	fi && { SAW="$1 accepts connections"; return 0; }
	SAW="$1 does not accept connections ($(last "$said"))"
	return 1
}

proof_command() {
	said=$(limited 30 "$@" 2>&1)
	code=$?
	SAW="command $* ended with $code"
	[ $code -eq 0 ] && return 0
	[ -z "$said" ] || SAW="$SAW ($(last "$said"))"
	return 1
}

# package NAME: PS = its dpkg status, PV = its version; both empty when it is absent. What cannot be
# read is not absent: its status is one that proves nothing.
package() {
	PS= PV=
	said=$(dpkg-query -W -f '${Status}|${Version}' "$1" 2>/dev/null)
	case $? in
	0) ;;
	1) return 0 ;;
	*) PS=unread && return 0 ;;
	esac
	PS=${said%|*} PV=${said##*|}
	case $PS in *' not-installed' | *' config-files') PS= PV= ;; esac
}

# proof_package NAME BELOW: it is configured and its version is not below.
proof_package() {
	package "$1"
	SAW="package $1 is ${PV:-absent} (${PS:-not installed})"
	case $PS in 'install ok installed' | 'hold ok installed') ;; *) return 1 ;; esac
	[ -z "$2" ] || ! dpkg --compare-versions "$PV" lt "$2" || { SAW="$SAW, which is below $2"; return 1; }
}

# proof_exact NAME VERSION: it is configured in exactly this version; an empty VERSION: it is absent.
proof_exact() {
	package "$1"
	SAW="package $1 is ${PV:-absent} (${PS:-not installed}), wanted ${2:-none}"
	[ "$PV" = "$2" ] || return 1
	case $PS in '' | 'install ok installed' | 'hold ok installed') return 0 ;; esac
	return 1
}

# proof_deb DIGEST NAME: exactly the package in this staged file is installed.
proof_deb() {
	f=$S/stage/$1/$2
	[ -f "$f" ] || { SAW="$2 is not staged on the device: its version is not known"; return 1; }
	proof_exact "$(dpkg-deb -f "$f" Package)" "$(dpkg-deb -f "$f" Version)"
}

# proof_file PATH DIGEST: the file has this content; the digest none: there is no such file.
proof_file() {
	sum=none
	[ ! -f "$R$1" ] || sum=$(digest "$R$1")
	SAW="file $1 has the digest $sum, wanted $2"
	[ "$sum" = "$2" ]
}

# baseline PATCH COUNT [PATH]: writes down, once, which of the entries hold before anything is changed.
baseline() {
	own_dir "$S/baseline"
	[ ! -f "$S/baseline/$1" ] || return 0
	held= i=1
	while [ $i -le "$2" ]; do
		! "entry_$i" || held="$held $i"
		i=$((i + 1))
	done
	sum=none
	[ -z "${3:-}" ] || [ ! -f "$R$3" ] || sum=$(digest "$R$3")
	write "$S/baseline/$1" "$sum$held"
}

own_dir() {
	[ ! -L "$1" ] || refuse "$1 is a symbolic link; remove it"
	[ -d "$1" ] || mkdir -p "$1" || refuse "cannot make $1"
	[ -O "$1" ] || refuse "$1 belongs to another user; remove it"
}

# write FILE TEXT: whole on the disk, or not at all.
write() {
	printf '%s\n' "$2" >"$1.$$" && durable "$1.$$" && mv -f "$1.$$" "$1" || refuse "cannot write $1"
	durable "${1%/*}"
}

# forget FILE: it is gone from the disk.
forget() {
	[ -e "$1" ] || return 0
	rm -f "$1"
	durable "${1%/*}"
}

# pkg ARGUMENTS...: dpkg, once nobody else holds its lock.
pkg() {
	while :; do
		# shellcheck disable=SC2086
		$within dpkg --force-confdef --force-confold "$@" 2>"$S/dpkg.$$" </dev/null
		code=$?
		said=$(cat "$S/dpkg.$$")
		rm -f "$S/dpkg.$$"
		case $said in
		*'locked by another process'* | *'unable to lock'* | *'status database area is locked'*)
			[ -n "${waited:-}" ] || echo 'waiting: another program holds the lock of dpkg'
			waited=1
			sleep 1
			;;
		*)
			[ -z "$said" ] || printf '%s\n' "$said"
			return $code
			;;
		esac
	done
}

# repair SECONDS: finishes what an earlier installation left half done, but not for ever: the very
# thing that is to be replaced may hang.
repair() {
	within=
	! command -v timeout >/dev/null 2>&1 || within="timeout -k 5 $1"
	pkg --configure -a
	code=$?
	within=
	return $code
}

# install_deb SECONDS DIGEST NAME...: every package in one call.
install_deb() {
	within=$1
	shift
	collect "$@"
	repair "$within" || echo 'an earlier installation could not be repaired; going on'
	eval "pkg --refuse-downgrade -i $FILES"
}

# revert_deb SECONDS DIGEST NAME...: the old packages over whatever is there.
revert_deb() {
	limit=$1 within=
	shift
	collect "$@"
	eval "pkg --force-downgrade -i $FILES" && return 0
	echo 'not yet; repairing what is half installed, then once more'
	repair "$limit"
	eval "pkg --force-downgrade -i $FILES"
}

# collect DIGEST NAME...: FILES = the staged files, quoted (names and digests hold no quotes).
collect() {
	FILES=
	while [ $# -ge 2 ]; do
		staged "$1" "$2"
		FILES="$FILES '$F'"
		shift 2
	done
}

# run_script DIGEST NAME ARGUMENTS...
run_script() {
	staged "$1" "$2"
	shift 2
	if [ "$(dd if="$F" bs=2 count=1 2>/dev/null)" = '#!' ]; then
		chmod 700 "$F"
		"$F" "$@"
	else
		sh "$F" "$@"
	fi
}

# install_file DIGEST NAME PATH MODE OWNER
install_file() {
	staged "$1" "$2"
	t=$R$3.nightfill-new
	own_parent=${t%/*}
	[ -d "$own_parent" ] || (umask 022 && mkdir -p "$own_parent") || return 1
	rm -f "$t"
	cp "$F" "$t" || return 1
	if [ "$(id -u)" = 0 ]; then chown "$5" "$t" || return 1; fi
	chmod "$4" "$t" && durable "$t" && mv -f "$t" "$R$3" || return 1
	durable "$own_parent"
	echo "installed $3"
}

# gate COMMAND...: leaves the work when it is closed.
gate() {
	said=$("$@" 2>&1 </dev/null)
	code=$?
	[ $code -ne 0 ] || { echo "gate open: $*"; return 0; }
	echo "gate closed: $* ended with $code"
	[ -z "$said" ] || last "$said"
	exit 1
}

# until_held SECONDS SOAK: waits until everything in the function all has held for SOAK seconds.
until_held() {
	up
	end=$((U + $1 - 1)) good= told= N=0
	while :; do
		if all; then
			up
			[ -n "$good" ] || good=$U
			[ $((U - good)) -lt "$2" ] || return 0
			SAW="everything holds, but not yet for $2 s"
		else
			good=
			[ "$SAW" = "$told" ] || echo "not proven: $SAW"
			told=$SAW
		fi
		up
		[ "$U" -lt "$end" ] || break
		N=$((N + 1))
		if [ $N -le 20 ]; then sleep 0.1 2>/dev/null || sleep 1; else sleep 1; fi
	done
	echo "not proven within $1 s: $SAW"
	return 1
}

# entries COUNT: every entry holds.
entries() {
	i=1
	while [ $i -le "$1" ]; do
		"entry_$i" || return 1
		i=$((i + 1))
	done
}

# entries_before PATCH COUNT: every entry holds that held before the patch.
entries_before() {
	i=1
	known=
	[ ! -f "$S/baseline/$1" ] || read -r _ known <"$S/baseline/$1"
	while [ $i -le "$2" ]; do
		if [ ! -f "$S/baseline/$1" ] || case " $known " in *" $i "*) true ;; *) false ;; esac; then
			"entry_$i" || return 1
		fi
		i=$((i + 1))
	done
}

# file_before PATCH PATH: the file is what it was before the patch.
file_before() {
	[ -f "$S/baseline/$1" ] || return 0
	read -r sum _ <"$S/baseline/$1"
	proof_file "$2" "$sum"
}

# verify PATCH DIGESTS SECONDS SOAK: proves that the patch is on, and records it.
verify() {
	until_held "$3" "$4" || exit 1
	own_dir "$S/patches"
	write "$S/patches/$1" "$2"
	echo "proven: $1 is on and the device works"
}

# prove_off PATCH SECONDS SOAK: proves that the patch is off again.
prove_off() {
	until_held "$2" "$3" || exit 1
	forget "$S/baseline/$1"
	echo "proven: $1 is off and the device works as before"
}

# one check of the box: outcome and what was seen.
check() {
	if "$@"; then echo 'outcome pass'; else echo 'outcome fail'; fi
	printf 'seen %s\n' "$SAW"
}
