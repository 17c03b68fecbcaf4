#!/usr/bin/env bash
# Runs a Martlet to try: everything below ./run, high ports, one account, a self-signed certificate.
# Called by `make run` with the directory of the programs. Started again it keeps mail, account and certificate.
set -euo pipefail

bin=${1:?usage: run.sh DIRECTORY-OF-MARTLETD}
demo=$(cd "$(dirname "$0")" && pwd)
run=${MARTLET_RUN:-$(pwd)/run}
imap=${IMAP_PORT:-1143} imaps=${IMAPS_PORT:-1993} pop3=${POP3_PORT:-1110} pop3s=${POP3S_PORT:-1995} lmtp=${LMTP_PORT:-1024}
sieve=${SIEVE_PORT:-4190}
user=demo

umask 077
# Root must not own mail: then it belongs to whoever had it before, or to `nobody`.
uid=$(id -u) gid=$(id -g)
if [ "$uid" -eq 0 ]; then
    if [ -d "$run/home" ]; then uid=$(stat -c %u "$run/home") gid=$(stat -c %g "$run/home"); fi
    [ "$uid" -ne 0 ] || { uid=$(id -u nobody); gid=$(id -g nobody); }
    # Nobody else gets into /root: what they must reach lies elsewhere then, and ./run is a link to it.
    if [ ! -L "$run" ] &&
        ! setpriv --reuid="$uid" --regid="$gid" --clear-groups test -x "$(dirname "$run")"; then
        elsewhere=/var/lib/martlet-demo
        if [ -d "$run" ]; then
            [ ! -e "$elsewhere" ] || { echo "Both $run and $elsewhere exist: move one away." >&2; exit 1; }
            mv "$run" "$elsewhere"
        fi
        mkdir -p "$elsewhere"
        ln -s "$elsewhere" "$run"
    fi
fi
mkdir -p "$run"
run=$(readlink -f "$run")
chmod 755 "$run"

if [ ! -e "$run/key.pem" ]; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 \
        -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
        -addext basicConstraints=critical,CA:FALSE \
        -keyout "$run/key.pem" -out "$run/cert.pem" 2>/dev/null
    chmod 644 "$run/cert.pem"
fi
if [ ! -e "$run/password" ]; then
    openssl rand -hex 6 >"$run/password"
fi
password=$(cat "$run/password")
hash=$("$bin/martlet" pw -s SHA512-CRYPT -p "$password")
echo "$user:$hash:$uid:$gid::$run/home/$user::" >"$run/users"
mkdir -p "$run/home"
# The auth role reads the one and the mail role writes the other, both under these ids.
chown "$uid:$gid" "$run/users" "$run/home"

sed -e "s|@RUN@|$run|g" -e "s|@UID@|$uid|g" -e "s|@GID@|$gid|g" \
    -e "s|@IMAP@|$imap|g" -e "s|@IMAPS@|$imaps|g" -e "s|@POP3@|$pop3|g" -e "s|@POP3S@|$pop3s|g" \
    -e "s|@LMTP@|$lmtp|g" -e "s|@SIEVE@|$sieve|g" "$demo/martlet.conf" >"$run/martlet.conf"

"$bin/martletd" -F -c "$run/martlet.conf" &
daemon=$!
trap 'kill -TERM $daemon 2>/dev/null || true; wait $daemon 2>/dev/null || true' EXIT
trap 'exit 0' INT TERM

# Delivers one file over LMTP, as an MTA would.
deliver() {
    local reply
    exec 3<>"/dev/tcp/127.0.0.1/$lmtp"
    {
        printf 'LHLO localhost\r\nMAIL FROM:<welcome@martlet.example>\r\nRCPT TO:<%s>\r\nDATA\r\n' "$user"
        sed -e 's/^\./../' -e 's/$/\r/' "$1"
        printf '.\r\nQUIT\r\n'
    } >&3
    reply=$(timeout 30 cat <&3) || true
    exec 3<&-
    grep -q '^250 2.0.0 .*Saved' <<<"$reply" && return
    echo "Sample mail was not taken: $reply" >&2
    tail -n 5 "$run/log" >&2
    return 1
}

ended() {
    wait "$daemon" || exit $?
    exit 1
}

# Another daemon may have the ports: what counts is that this one answers and stays.
for _ in $(seq 100); do
    kill -0 "$daemon" 2>/dev/null || ended
    if "$bin/martlet" who -c "$run/martlet.conf" >/dev/null 2>&1; then break; fi
    sleep 0.1
done
sleep 0.2
kill -0 "$daemon" 2>/dev/null || ended
if [ ! -e "$run/samples-delivered" ]; then
    for message in "$demo"/messages/*.eml; do deliver "$message"; done
    touch "$run/samples-delivered"
fi

cat <<TEXT

Martlet is running. Ctrl-C stops it; \`make run\` starts it again with the same mail.

  Thunderbird   Account: any name, address $user@localhost, then "Configure manually":
                incoming IMAP, server localhost, port $imaps, SSL/TLS, normal password
                user $user    password $password
                (accept the self-signed certificate when asked)
  Other ports   IMAP $imap (STARTTLS), POP3 $pop3 (STLS), POP3 over TLS $pop3s,
                ManageSieve $sieve (STARTTLS)
  Postfix       in /etc/postfix/main.cf:
                virtual_mailbox_domains = localhost.example
                virtual_transport = lmtp:unix:$run/lmtp
                (where master.cf has lmtp in a chroot, as Debian's has:
                virtual_transport = lmtp:inet:[127.0.0.1]:$lmtp)
  Files         mail $run/home/$user/Maildir, log $run/log, settings $run/martlet.conf

TEXT
wait "$daemon"
