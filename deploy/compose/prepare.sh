#!/bin/sh
# Makes what a first start needs: `prepare.sh AUTHORITY TLS SECRETS NAME...` leaves the key of a CA in AUTHORITY, its
# certificate and one for the names in TLS, and passwords with the URLs that hold them in SECRETS. What is there stays;
# only a certificate that ends within 30 days is replaced, so run it again (docker compose run --rm prepare) once a
# month, and the server takes it up by itself. Where you have a CA, use yours instead.
set -eu
umask 077
authority=$1 tls=$2 secrets=$3
shift 3

for database in database keys-database; do
    password=$secrets/$database-password url=$secrets/$database host=postgres
    [ "$database" = database ] || host=postgres-keys
    [ -s "$password" ] || { openssl rand -hex 24 >"$password.new" && mv "$password.new" "$password"; }
    [ -s "$url" ] || { echo "postgresql://accord:$(cat "$password")@$host/accord" >"$url.new" && mv "$url.new" "$url"; }
done

key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
if [ ! -s "$tls/ca.crt" ]; then
    # shellcheck disable=SC2086 # several words
    openssl req -x509 $key -keyout "$authority/ca.key" -out "$tls/ca.crt.new" -days 3650 \
        -subj "/CN=Accord CA of this installation" -addext basicConstraints=critical,CA:TRUE,pathlen:0 \
        -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
    mv "$tls/ca.crt.new" "$tls/ca.crt"
fi

if ! openssl x509 -checkend 2592000 -noout -in "$tls/tls.crt" >/dev/null 2>&1; then
    names=$(printf ',DNS:%s' "$@")
    printf '%s\n' "subjectAltName=${names#,}" basicConstraints=critical,CA:FALSE extendedKeyUsage=serverAuth >"$tls/names"
    # shellcheck disable=SC2086 # several words
    openssl req $key -keyout "$tls/tls.key.new" -out "$tls/tls.csr" -subj "/CN=$1" 2>/dev/null
    openssl x509 -req -in "$tls/tls.csr" -CA "$tls/ca.crt" -CAkey "$authority/ca.key" \
        -set_serial "0x$(openssl rand -hex 16)" -days 397 -extfile "$tls/names" -out "$tls/tls.crt.new" 2>/dev/null
    # Between the two the server sees a key that does not fit, keeps what it has, and looks again at the next handshake.
    mv "$tls/tls.key.new" "$tls/tls.key"
    mv "$tls/tls.crt.new" "$tls/tls.crt"
    rm "$tls/tls.csr" "$tls/names"
fi
