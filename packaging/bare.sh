#!/usr/bin/env bash
# Installs the packages of dist in a Debian without Rust, without a compiler and without a network,
# once with each installer, and prints a table of sizes and times:
#
#     packaging/bare.sh [DIST]
#
# It needs root and mmdebstrap, and a network to make the root directory, which is kept in
# target/bare. Debian 12 has Python 3.11 and Node.js 18.
set -euo pipefail
cd "$(dirname "$0")/.."
dist=$(realpath "${1:-dist}")
bare=${CARGO_TARGET_DIR:-target}/bare

if [ ! -e "$bare/usr/bin/npm" ]; then
  rm -rf "$bare"
  mkdir -p "$(dirname "$bare")"
  mmdebstrap --variant=minbase --include=python3,python3-venv,nodejs,npm bookworm "$bare"
fi
rm -rf "${bare:?}/dist" "$bare/root/trial"
mkdir -p "$bare/dist"
cp "$dist"/*.whl "$dist"/*.tgz "$dist"/*.deb "$bare/dist/"

cat > "$bare/trial.sh" << 'TRIAL'
set -eu
export HOME=/root/trial PATH=/usr/bin:/usr/sbin
mkdir -p "$HOME"
for absent in cargo rustc cc uv curl; do
  if command -v "$absent"; then echo "$absent is here"; exit 1; fi
done
list='{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",
"capabilities":{},"clientInfo":{"name":"bare","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/list"}'
list=$(echo "$list" | sed 'N;s/,\n/,/')

now() { date +%s.%N; }
since() { python3 -c "import sys; print('%6.1f s' % ($(now) - $1))"; }
printf '%-8s %10s %12s %12s %12s\n' with packages install demo tools/list
# NAME, the packages, the command that installs them, and those that start the two programs.
trial() {
  cd "$HOME" && rm -rf work .cache && mkdir work && cd work
  size=$(cat $2 | wc -c | awk '{printf "%.1f MB", $1 / 1e6}')
  begin=$(now); $3 > /dev/null; installed=$(since "$begin")
  begin=$(now)
  $4 --demo busy@demo > said
  demo=$(since "$begin")
  grep -q 'refused: 486 Busy Here' said
  grep -q 6bfd17c618ed6977b0efc7781f5ef9242471e0497291824e4ce85948aa92ef93 said
  begin=$(now)
  echo "$list" | $5 --demo > listed
  tools=$(since "$begin")
  grep -q '"homer_export_pcap"' listed
  printf '%-8s %10s %12s %12s %12s\n' "$1" "$size" "$installed" "$demo" "$tools"
}
python3 -m venv /root/trial/venv
pip=/root/trial/venv/bin
trial pip "/dist/*.whl" "$pip/pip install -q --no-index $(echo /dist/*.whl)" \
  $pip/homer-export $pip/homer-export-mcp
mkdir -p /root/trial/node
npx="npx --offline --no --prefix /root/trial/node"
trial npx "/dist/*.tgz" "npm install -s --offline --prefix /root/trial/node $(echo /dist/*.tgz)" \
  "$npx homer-export" "$npx homer-export-mcp"
dpkg --purge homer-export > /dev/null 2>&1 || true
trial dpkg "/dist/*.deb" "dpkg --install $(echo /dist/*.deb)" homer-export homer-export-mcp
dpkg --purge homer-export > /dev/null
TRIAL
# In a network of its own that has nothing but loopback, where the demo starts its fake Homer. There
# is no program in the root directory that sets the interface up (SIOCSIFFLAGS, IFF_UP).
up='import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))'
unshare --net chroot "$bare" sh -c "python3 -c '$up' && exec sh /trial.sh"
