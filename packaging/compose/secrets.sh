#!/bin/sh
# Makes the passwords of compose.yaml, once: a second call changes nothing.
set -eu
cd "$(dirname "$0")"
umask 077
[ ! -e .env ] || { echo "the passwords are there already"; exit 0; }
random() { od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'; }
cat >.env <<TEXT
POSTGRES_PASSWORD=$(random 16)
S3_ACCESS_KEY=GK$(random 12)
S3_SECRET_KEY=$(random 32)
GARAGE_RPC_SECRET=$(random 32)
TEXT
