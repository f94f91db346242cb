#!/bin/sh
# Regenerates the assembly and fails if that changes a file.
set -eu
cd "$(dirname "$0")/../.."
go generate ./kernel/internal/avx512 ./kernel/internal/avx2
git diff --exit-code -- kernel/internal
GOARCH=amd64 go vet ./kernel/...
GOARCH=arm64 go vet ./kernel/...
