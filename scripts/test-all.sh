#!/usr/bin/env bash
# Everything: what the tests need is installed first, then all suites run. Last line: N passed, N failed.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/install-test-tools.sh
npm run -s build
exec npx vitest run
