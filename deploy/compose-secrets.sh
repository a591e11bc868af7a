#!/usr/bin/env bash
# Makes the secrets that compose.yaml mounts, in deploy/secrets; those that are there stay as they are.
#
# Needs openssl. Run it as whoever runs compose.
set -euo pipefail
cd "$(dirname "$0")"

# Compose mounts a file as it is, and the containers are other users: everybody may read the files, and nobody but their
# owner gets into the directory.
mkdir -p -m 700 secrets
cd secrets
unfinished=$(mktemp .XXXXXX)
trap 'rm -f "$unfinished"' EXIT

# make FILE COMMAND...: writes what the command prints, whole or not at all.
make() {
    local file=$1
    shift
    if [[ -e $file ]]; then
        echo "$file is there"
        return
    fi
    "$@" >"$unfinished"
    chmod 644 "$unfinished"
    mv "$unfinished" "$file"
    echo "$file is made"
}

password() {
    local text
    text=$(openssl rand -hex 24)
    printf %s "$text"
}

# With a password, or with a new one.
url() {
    local role=$1 password=${2:-$(password)}
    printf 'postgres://%s:%s@postgres:5432/kith' "$role" "$password"
}

make owner_password password
make owner_database_url url kith_owner "$(cat owner_password)"
for service in identity social_graph posts messaging; do
    make "${service}_database_url" url "kith_$service"
done
make signing_key openssl genpkey -algorithm ed25519
make grafana_password password
