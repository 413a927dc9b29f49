#!/bin/sh
# Serve three folders: objects, what is known about them, and who may ask.
set -eu
umask 077
mkdir -p /data/objects /data/about /data/people
ROOT_ACCESS_KEY=root
ROOT_SECRET_KEY=$(cat /ground/store-root)
export ROOT_ACCESS_KEY ROOT_SECRET_KEY
exec versitygw --port :7070 --health /health --quiet --iam-dir /data/people \
  posix --sidecar /data/about /data/objects
