#!/usr/bin/env bash
# Does what a newcomer does: runs `kith up`, pastes every call that it prints, ends it by Ctrl-C, SIGTERM and kill -9,
# and starts it again. As whoever runs this and, where that is root, also as nobody.
#
#     tests/pasted_calls.sh [path of the kith binary]
#
# Needs the binary (`cargo build --bin kith`), grpcurl (`cargo install grpcurl-rs` has one), buf, and as root setpriv.
set -euo pipefail
cd "$(dirname "$0")/.."

# Seconds; nothing waits for them to pass.
patience=120
# What a start on a warm directory may take, in tenths of a second.
warm_within=30

scratch=$(mktemp -d)
up=''

die() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

clean_up() {
    if [[ -n $up ]]; then
        kill -KILL "$up" || true
        wait "$up" 2>/dev/null || true
    fi
    eventually 'no process is left at the end' nothing_runs_in "$scratch" && rm -rf "$scratch"
}
trap clean_up EXIT

# Runs a command until it succeeds.
eventually() {
    local what=$1 until=$((SECONDS + patience))
    shift
    until "$@"; do
        [[ $SECONDS -lt $until ]] || { printf 'never happened: %s\n' "$what" >&2; return 1; }
        sleep 0.05
    done
}

# The processes that name a directory (server, reaper) as `names <id>`, and the others that work in it (PostgreSQL's own
# children name it nowhere) as `works <id>`.
processes_of() {
    local directory=$1 process line place
    for process in /proc/[0-9]*; do
        # The dead have neither.
        line=$({ tr '\0' ' ' <"$process/cmdline"; } 2>/dev/null) || true
        place=$(readlink "$process/cwd" 2>/dev/null) || true
        if [[ $line == *"$directory"* ]]; then
            echo "names ${process#/proc/}"
        elif [[ $place == "$directory"* ]]; then
            echo "works ${process#/proc/}"
        fi
    done
}

nothing_runs_in() {
    [[ -z $(processes_of "$1") ]]
}

# Starts Kith on $directory with free ports, and waits until it is ready.
start() {
    # Nothing of the start before is taken for this one's.
    : >"$scratch/log"
    "${as[@]}" kith up --data-directory "$directory" --identity-listen-address 127.0.0.1:0 \
        --social-graph-listen-address 127.0.0.1:0 --posts-listen-address 127.0.0.1:0 \
        --messaging-listen-address 127.0.0.1:0 >"$scratch/said" 2>"$scratch/log" &
    up=$!
    eventually 'kith up is ready' is_ready_or_gone || die "$(cat "$scratch/log")"
    kill -0 "$up" 2>/dev/null || die "kith up ended: $(cat "$scratch/log")"
    grep '^ready after' "$scratch/log"
}

is_ready_or_gone() {
    grep -q '^ready after' "$scratch/log" || ! kill -0 "$up" 2>/dev/null
}

# Pastes what was printed, in a shell of the user's, and holds every call to its exit code.
paste_calls() {
    local calls call
    mapfile -t calls < <(grep -E '^(grpcurl|buf curl) ' "$scratch/said")
    [[ ${#calls[@]} -ge 4 ]] || die "only ${#calls[@]} calls were printed"
    for call in "${calls[@]}"; do
        printf '$ %s\n' "$call"
        "${as[@]}" bash -c "$call" </dev/null >"$scratch/answer" 2>&1 || die "$(cat "$scratch/answer")"
        [[ -s $scratch/answer ]] || die 'no answer'
    done
    grep -q '"followerId"' "$scratch/answer" || die "no follower: $(cat "$scratch/answer")"
}

# Ends it by a signal, and looks for what is left.
end() {
    local signal=$1 expected=$2 code=0
    [[ $(processes_of "$directory") == *works* ]] || die 'the search finds none of the processes of PostgreSQL'
    kill -s "$signal" "$up"
    wait "$up" 2>/dev/null || code=$?
    up=''
    [[ $code == "$expected" ]] || die "exit code $code after SIG$signal, not $expected: $(cat "$scratch/log")"
    # Nobody waits for PostgreSQL after a kill -9; else it is gone first.
    if [[ $signal == KILL ]]; then
        eventually 'no process is left' nothing_runs_in "$directory" || die "$(processes_of "$directory")"
    else
        nothing_runs_in "$directory" || die "left after SIG$signal: $(processes_of "$directory")"
    fi
    printf 'SIG%s: no process is left\n' "$signal"
}

# A timed figure means nothing on a machine that has more to do.
check_warm_start() {
    local tenths load
    tenths=$(sed -n 's/^ready after \([0-9]*\)\.\([0-9]\) s.*/\1\2/p' "$scratch/log")
    load=$(cut -d. -f1 /proc/loadavg)
    if [[ $load -ge $(nproc) ]]; then
        printf '(not held to 3 s: the load is %s)\n' "$(cut -d' ' -f1 /proc/loadavg)"
    elif [[ $((10#$tenths)) -ge $warm_within ]]; then
        die "a warm start took $tenths tenths of a second"
    fi
}

everything() {
    local ends ended expected
    directory=$home/data
    start
    paste_calls
    for ends in 'INT 0' 'TERM 0' 'KILL 137'; do
        read -r ended expected <<<"$ends"
        end "$ended" "$expected"
        start
        check_warm_start
        "${as[@]}" kith token alice --data-directory "$directory" >/dev/null || die "alice is gone after SIG$ended"
        paste_calls
    done
    end TERM 0
}

# What everybody can reach, whoever's home the originals are in.
chmod 755 "$scratch"
mkdir "$scratch/bin"
cp "${1:-target/debug/kith}" "$scratch/bin/kith"
cp "$(command -v grpcurl)" "$scratch/bin/grpcurl"
export PATH="$scratch/bin:$PATH"
for variable in $(compgen -e | grep -E '^(KITH_.*|DATABASE_URL)$' | grep -vx KITH_POSTGRES_BIN); do
    unset "$variable"
done

printf '== as %s\n' "$(id -un)"
home=$scratch/own
mkdir "$home"
as=(env "HOME=$home")
everything
if [[ $(id -u) == 0 ]]; then
    printf '== as nobody\n'
    home=$scratch/nobody
    mkdir "$home"
    chown nobody: "$home"
    as=(setpriv --reuid=nobody "--regid=$(id -g nobody)" --clear-groups env "HOME=$home")
    everything
fi
