# What the box asks of a device. Each question is one call of a function at the end of this text.
export NIGHTFILL_ROOT="$R"
echo 'nightfill 1'

# fail CODE TEXT: the answer is no, for a reason that the box knows by name.
fail() {
	printf 'error %s %s\n' "$1" "$2"
	exit 1
}

# own DIR: a directory that nobody else can change, made when it is missing.
own() {
	[ ! -L "$1" ] || fail unsafe "$1 is a symbolic link; remove it"
	[ -d "$1" ] || mkdir -p "$1" || [ -d "$1" ] || fail '-' "cannot make the directory $1"
	[ -O "$1" ] || fail unsafe "$1 belongs to another user; remove it"
}

spool() {
	own "$S"
	own "$S/work"
	own "$S/stage"
}

# boot: B = the boot id, valid or nothing is done.
boot() {
	B=
	{ read -r B <"$R/proc/sys/kernel/random/boot_id"; } 2>/dev/null
	case $B in *[!0-9a-f-]* | '') B= ;; esac
	[ ${#B} -eq 36 ] || fail '-' 'the device has no valid boot id'
}

ended() {
	[ -f "$W/rc" ] || return 1
	read -r P X T0 T1 <"$W/rc"
}

# phase ID: P = phase, X = exit code, T0 T1 = uptime at start and end, W = its directory.
phase() {
	W=$S/work/$1 P=none X= T0= T1= OWNER=
	[ ! -L "$W" ] || fail unsafe "$W is a symbolic link; remove it"
	[ -f "$W/boot" ] || return 0
	read -r cb cu OWNER <"$W/boot"
	! ended || return 0
	P=interrupted
	[ "$cb" = "$B" ] || return 0
	P=running
	if [ -f "$W/pid" ]; then
		read -r p1 s1 p2 s2 <"$W/pid"
		! alive "$p1" "$s1" || return 0
		! alive "$p2" "$s2" || return 0
	elif [ $((U - cu)) -le 30 ]; then
		return 0
	fi
	! ended || return 0
	settle "$W" 'lost - - -'
	ended
}

# idle OWNER [ID]: no work of anybody else runs, but for this one. An empty OWNER: no work at all.
idle() {
	for w in "$S"/work/*/; do
		[ -f "$w/boot" ] && [ ! -f "$w/rc" ] || continue
		w=${w%/}
		phase "${w##*/}"
		[ "$P" = running ] && [ "$OWNER" != "$1" ] && [ "${w##*/}" != "${2:-}" ] || continue
		fail busy "work ${w##*/} of $OWNER runs on it"
	done
}

# held ID SINCE: the work for which the lock was taken runs, or is about to.
held() {
	phase "$1"
	[ "$P" = running ] || { [ "$P" = none ] && [ $((U - $2)) -le 30 ]; }
}

# take ID OWNER: the device's lock. It may be taken from an owner whose work has ended. It fails when somebody else has begun
# this very work.
take() {
	L=$S/lock
	[ ! -L "$L" ] || fail unsafe "$L is a symbolic link; remove it"
	printf '%s %s %s %s\n' "$2" "$B" "$U" "$1" >"$L.$$" || fail '-' 'cannot write the lock'
	tries=0
	until ln "$L.$$" "$L" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 20 ] || { rm -f "$L.$$"; fail busy 'the lock changes hands all the time'; }
		lo= lb= lu= lid=
		{ read -r lo lb lu lid <"$L"; } 2>/dev/null || continue
		if [ "$lo" = "$2" ]; then
			mv -f "$L.$$" "$L"
			return 0
		fi
		if [ "$lb" = "$B" ] && held "$lid" "${lu:-0}"; then
			if [ "$lid" = "$1" ] && [ "$P" = none ]; then
				nap
				continue
			fi
			rm -f "$L.$$"
			[ "$lid" != "$1" ] || return 1
			fail busy "$lo holds its lock for work $lid"
		fi
		mv "$L" "$L.old.$$" 2>/dev/null || continue
		{ read -r o b u i <"$L.old.$$"; } 2>/dev/null
		[ "$lo $lb $lu $lid" = "$o $b $u $i" ] || ln "$L.old.$$" "$L" 2>/dev/null
		rm -f "$L.old.$$"
	done
	rm -f "$L.$$"
}

# newest BOX SINCE: no box that was set up later than this one has worked here. An empty BOX is not asked.
newest() {
	[ -n "$1" ] || return 0
	[ ! -L "$S/box" ] || fail unsafe "$S/box is a symbolic link; remove it"
	ns= nb=
	{ read -r ns nb <"$S/box"; } 2>/dev/null
	case $ns in *[!0-9]* | 0?*) ns= ;; esac
	[ -z "$nb" ] || [ "$nb" = "$1" ] || [ "$2" -gt "${ns:-0}" ]
}

# mark BOX SINCE: from now on no box that was set up earlier works here. To be called under the lock, or to take over.
mark() {
	[ -n "$1" ] && [ "$nb" != "$1" ] || return 0
	printf '%s %s\n' "$2" "$1" >"$S/box.$$" && durable "$S/box.$$" && mv -f "$S/box.$$" "$S/box" || fail '-' "cannot write $S/box"
	durable "$S"
}

# outdated: the answer to a box that is not the newest.
outdated() { fail box "$nb"; }

# take_over BOX SINCE: from now on this box counts as the one that was set up last, whatever the clocks of the others
# said, and those stay out. Not while work runs.
take_over() {
	boot
	up
	spool
	newest "$1" "$2" && { mark "$1" "$2"; echo newest; return 0; }
	idle ''
	mark "$1" "$((ns + 1))"
	echo 'taken over'
}

# claim ID OWNER: succeeds for one caller only, ever; the claim is on the disk then.
claim() {
	W=$S/work/$1
	own "$W"
	printf '%s %s %s\n' "$B" "$U" "$2" >"$W/boot.$$" || fail '-' 'cannot write the claim'
	durable "$W/boot.$$"
	ln "$W/boot.$$" "$W/boot" 2>/dev/null
	won=$?
	rm -f "$W/boot.$$"
	[ -f "$W/boot" ] || fail '-' 'cannot write the claim'
	return $won
}

# start_work ID SECONDS OWNER BOX SINCE, runner on fd 3, work on fd 4.
start_work() {
	boot
	up
	spool
	phase "$1"
	[ "$P" = none ] || { echo "already $P"; return 0; }
	newest "$4" "$5" || outdated
	idle "$3" "$1"
	take "$1" "$3" || { echo already; return 0; }
	newest "$4" "$5" || { rm -f "$S/lock"; outdated; }
	mark "$4" "$5"
	W=$S/work/$1
	own "$W"
	cat <&3 >"$W/runner.$$" && cat <&4 >"$W/script.$$" || fail '-' 'cannot write the work'
	durable "$W/runner.$$" "$W/script.$$"
	if claim "$1" "$3"; then
		mv "$W/runner.$$" "$W/runner"
		mv "$W/script.$$" "$W/script"
		durable "$W" "$S/work"
		launch "$1" "$2" </dev/null
		echo started
	else
		rm -f "$W/runner.$$" "$W/script.$$"
		echo already
	fi
}

launch() {
	if [ -z "$R" ] && [ -d /run/systemd/system ] && command -v systemd-run >/dev/null 2>&1; then
		systemd-run --quiet --unit="nightfill-$1" --property=KillMode=control-group --property=SendSIGKILL=yes \
			--property="RuntimeMaxSec=$(($2 + 60))" --property=TimeoutStopSec=15 \
			/bin/sh "$W/runner" "$1" "$2" >/dev/null 2>&1 3<&- 4<&- && return 0
	fi
	setsid sh "$W/runner" "$1" "$2" </dev/null >/dev/null 2>&1 3<&- 4<&- &
}

# status ID SECONDS: waits that long for the end of the work.
status() {
	boot
	up
	end=$((U + $2))
	phase "$1"
	while [ "$P" = running ] && [ "$U" -lt "$end" ]; do
		nap
		up
		phase "$1"
	done
	echo "phase $P"
	[ -z "$X" ] || echo "result $X $T0 $T1"
	echo output
	[ "$P" = none ] || cat "$W/out.0" "$W/out.1" "$W/out.2" 2>/dev/null | tail -c 4096
}

# reboot_once ID BOX SINCE
reboot_once() {
	boot
	up
	spool
	phase "$1"
	[ "$P" = none ] || { echo already; return 0; }
	newest "$2" "$3" || outdated
	idle ''
	claim "$1" reboot || { echo already; return 0; }
	settle "$W" "done 0 $UU $UU"
	durable "$S/work"
	sync
	setsid sh -c 'sleep 1; reboot || systemctl reboot || shutdown -r now || busybox reboot' </dev/null >/dev/null 2>&1 &
	echo rebooting
}

# room DIR: F = bytes free on the file system of the nearest directory above that exists.
room() {
	d=$1
	while [ ! -d "$d" ] && [ -n "$d" ]; do d=${d%/*}; done
	# shellcheck disable=SC2046
	set -- $(df -Pk "${d:-/}" 2>/dev/null | tail -n 1)
	F=$((${4:-0} * 1024)) A=$((${2:-0} * 1024))
}

# part DIGEST NAME BOX: D = its directory, PART = what this box has sent of it so far. Boxes share no such file:
# each appends to its own.
part() {
	D=$S/stage/$1
	PART=$D/$2${3:+.$3}.part
}

# unhand: ends whoever still appends to PART, as the far end of a line that was cut does.
unhand() {
	writer=
	{ read -r writer <"$PART.by"; } 2>/dev/null || return 0
	set -- "${writer%% *}"
	# shellcheck disable=SC2086
	set -- "$1" ${writer##*) }
	[ $# -ge 21 ] || return 0
	p=$1
	shift 20
	N=0
	while alive "$p" "$1" && [ $N -lt 40 ]; do
		kill -KILL "$p" 2>/dev/null
		nap
	done
	! alive "$p" "$1" || fail '-' "an earlier transfer of $PART does not end"
	rm -f "$PART.by"
}

# stage_begin DIGEST NAME SIZE BOX: complete, or how many bytes are there.
stage_begin() {
	spool
	find "$S/stage" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} + 2>/dev/null
	find "$S/work" -mindepth 1 -maxdepth 1 -mtime +90 -exec rm -rf {} + 2>/dev/null
	part "$1" "$2" "$4"
	own "$D"
	touch "$D"
	for f in "$D/$2" "$PART" "$PART.by"; do
		[ ! -L "$f" ] || fail unsafe "$f is a symbolic link; remove it"
	done
	unhand
	if [ -f "$D/$2" ]; then
		[ "$(digest "$D/$2")" != "$1" ] || { rm -f "$PART"; echo complete; return 0; }
		rm -f "$D/$2"
	fi
	have=0
	[ ! -f "$PART" ] || have=$(($(wc -c <"$PART")))
	[ $have -le "$3" ] || { rm -f "$PART"; have=0; }
	room "$D"
	[ $F -ge $(($3 - have + 1048576)) ] || fail disk_full "$F bytes are free, $2 needs $(($3 - have)) and some room to work"
	: >>"$PART" || fail '-' "cannot write $PART"
	echo "have $have"
	echo "part $PART"
}

stage_end() {
	part "$1" "$2" "$4"
	have=$(($(wc -c <"$PART")))
	[ $have -ge "$3" ] || fail '-' "$have of $3 bytes arrived"
	sum=$(digest "$PART")
	if [ "$sum" != "$1" ]; then
		rm -f "$PART"
		fail stage_failed "the bytes that arrived have the digest $sum"
	fi
	durable "$PART"
	mv "$PART" "$D/$2" || fail '-' "cannot rename $PART"
	rm -f "$PART.by"
	durable "$D" "$S/stage"
	echo complete
}

# supply FILE: V = what the file says of the power supply D; empty when it says nothing.
supply() {
	V=
	{ read -r V <"$D/$1"; } 2>/dev/null || :
}

# power: says how a device with a battery stands. The fullest of several batteries counts, and none
# of a mouse or a scanner.
power() {
	mains=no battery=
	for D in "$R"/sys/class/power_supply/*; do
		supply scope
		[ "$V" != Device ] || continue
		supply type
		case $V in
		Battery)
			supply capacity
			case $V in '' | *[!0-9]*) continue ;; esac
			[ "${battery:-0}" -gt "$V" ] || battery=$V
			supply status
			case $V in Charging | Full) mains=yes ;; esac
			;;
		Mains | USB*)
			supply online
			case $V in '' | 0) ;; *) mains=yes ;; esac
			;;
		esac
	done
	[ -z "$battery" ] || echo "power $mains $battery"
}

probe() {
	boot
	up
	echo "boot $B"
	echo "up $UU"
	echo "clock $(date +%s)"
	while IFS= read -r line; do
		case $line in PRETTY_NAME=*) echo "system ${line#*=}" ;; esac
	done 2>/dev/null <"$R/etc/os-release"
	room "$S/stage"
	echo "free $F"
	power
	[ ! -e "$R/run/reboot-required" ] && [ ! -e "$R/var/run/reboot-required" ] || echo 'reboot yes'
	for f in "$S"/patches/*; do
		[ -f "$f" ] && [ ! -L "$f" ] || continue
		line=
		read -r line <"$f"
		echo "record ${f##*/} $line"
	done
	if command -v dpkg-query >/dev/null 2>&1; then
		# 1: nothing is installed; more: its database cannot be read
		dpkg-query -W -f 'p ${Status}\t${Package}\t${Version}\n' 2>/dev/null || [ $? -eq 1 ] || echo 'unread packages'
	fi
	echo end
}
