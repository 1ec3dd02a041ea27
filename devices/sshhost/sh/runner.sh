# The runner: detached from every login, it runs one work, holds it to its time and keeps its result.
# Called as: runner ID SECONDS, or runner ID SECONDS watch GROUP.
W=$S/work/$1
T=$2
cd / || exit 1

if [ "${3:-}" = watch ]; then
	sleep "$T"
	[ ! -e "$W/rc" ] || exit 0
	: >"$W/overtime"
	kill -TERM "-$4" 2>/dev/null
	i=0
	while [ $i -lt 50 ] && kill -0 "-$4" 2>/dev/null; do
		sleep 0.1 2>/dev/null || sleep 1
		i=$((i + 1))
	done
	kill -KILL "-$4" 2>/dev/null
	sleep 2
	up
	settle "$W" "timed_out - - $UU"
	exit 0
fi

# keep: stores the first 64 KiB of what is printed and the last 64 to 128 KiB; as it comes, and no more.
keep() {
	f=$W/out.0 n=0 lim=65536
	while dd bs=65536 count=1 >>"$f" 2>"$W/out.dd" && read -r line <"$W/out.dd"; do
		case $line in '0+0 '*) break ;; esac
		n=$((n + 1))
		case $line in 1+*) ;; *) [ $((n % 16)) -eq 0 ] || continue ;; esac
		[ "$(wc -c <"$f")" -ge $lim ] || continue
		[ "$f" = "$W/out.0" ] || mv "$f" "$W/out.1"
		f=$W/out.2
	done
	: >"$W/out.end"
}

up
t0=$UU
stat_of $$
me="$$ $ZT"
printf '%s - -\n' "$me" >"$W/pid.new" && mv "$W/pid.new" "$W/pid"
rm -f "$W/fifo"
mkfifo "$W/fifo" || exit 1
keep <"$W/fifo" &
NIGHTFILL_WORK=$1 setsid sh "$W/script" >"$W/fifo" 2>&1 </dev/null &
body=$!
stat_of $body
printf '%s %s %s\n' "$me" "$body" "${ZT:--}" >"$W/pid.new" && mv "$W/pid.new" "$W/pid"
setsid sh "$W/runner" "$1" "$T" watch $body >/dev/null 2>&1 </dev/null &
dog=$!
wait $body
rc=$?
N=0
while [ ! -e "$W/out.end" ] && [ $N -lt 22 ]; do nap; done
up
if [ -e "$W/overtime" ]; then
	kill -KILL "-$body" 2>/dev/null
	settle "$W" "timed_out - $t0 $UU"
else
	settle "$W" "done $rc $t0 $UU"
fi
kill -KILL "-$dog" $dog 2>/dev/null
rm -f "$W/fifo" "$W/out.dd"
