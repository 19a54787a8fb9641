#!/usr/bin/env bash
# Makes a bare Debian system and runs the two commands of README.md in it, word for word, on a clone of HEAD: as root on
# trixie (Debian 13), as a user with sudo on bookworm (Debian 12). Needs root, debootstrap and about 4 GB of disk.
#   scripts/check_bare.sh trixie|bookworm [--keep]      --keep: does not remove the system (prints its directory)
#   BARE_DIR   directory for the system, new or empty (default: a new one in ${TMPDIR:-/tmp})
#   MIRROR     Debian mirror (default: that of this machine's apt, else http://deb.debian.org/debian)
set -euo pipefail
export PATH=$PATH:/usr/sbin:/sbin

fail() {
  echo "check_bare: $1" >&2
  exit "${2-1}"
}
say() { echo "== check_bare: $*"; }

usage="expected trixie or bookworm and perhaps --keep; for example: scripts/check_bare.sh trixie"
suite= keep=no
for argument in "$@"; do
  case $argument in
    trixie | bookworm) suite=$argument ;;
    --keep) keep=yes ;;
    *) fail "found the argument \"$argument\", $usage" 2 ;;
  esac
done
[[ -n $suite ]] || fail "found no suite, $usage" 2
[[ $(id -u) -eq 0 ]] || fail "found the user $(id -un), expected root, which debootstrap needs; use sudo"
command -v git >/dev/null || fail "found no git, expected it; install it: apt-get install git"
command -v debootstrap >/dev/null ||
  fail "found no debootstrap, expected it; install it: apt-get install debootstrap"

# In its own namespaces: mounts and processes end with this script, however it ends.
if [[ ${SWIN_CHECK_BARE_INSIDE-} != yes ]]; then
  unshare --mount --pid --fork true || fail "found no right to mount, expected a machine or a privileged container"
  SWIN_CHECK_BARE_INSIDE=yes exec unshare --mount --propagation private --pid --fork --kill-child \
    "${BASH:-bash}" "$0" "$@"
fi

repository=$(cd "$(dirname "$0")/.." && pwd -P)
system=$(realpath -m "${BARE_DIR:-$(mktemp -u -d "${TMPDIR:-/tmp}/swin-bare-$suite.XXXXXX")}")
[[ $system/ != "$repository"/* ]] || fail "found the directory $system in the repository, expected one outside; set BARE_DIR"
mkdir -p "$system"
[[ -z $(ls -A "$system") ]] || fail "found files in $system, expected a new or empty directory"

mounts=()
clean_up() {
  local status=$? i
  trap - EXIT
  for ((i = ${#mounts[@]} - 1; i >= 0; --i)); do umount "${mounts[i]}" || umount --lazy "${mounts[i]}" || true; done
  if [[ $keep == yes ]]; then
    say "kept $system"
  else
    rm -rf --one-file-system "$system"
  fi
  exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
attach() {  # attach TYPE DIRECTORY OPTIONS
  mount -t "$1" -o "$3" "$1" "$system/$2"
  mounts+=("$system/$2")
}

# The mirror, proxy and date settings of this machine's apt; empty if it is not Debian.
host_mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' 'Created-By: Packages' 2>/dev/null |
  grep -m1 -E '^https?://' || true)
mirror=${MIRROR:-${host_mirror:-http://deb.debian.org/debian}}
host_settings=$(apt-config dump 2>/dev/null | grep -E '^Acquire::(https?::Proxy|Check-Date|Check-Valid-Until) ' || true)
for scheme in http https; do
  proxy=$(sed -n "s/^Acquire::$scheme::Proxy \"\(.*\)\";$/\1/p" <<<"$host_settings")
  variable=${scheme}_proxy
  if [[ -n $proxy && $proxy != DIRECT && -z ${!variable-} ]]; then export "$variable=$proxy"; fi
done
include=()
[[ $suite != bookworm ]] || include+=(sudo)
[[ $mirror != https:* ]] || include+=(ca-certificates)
joined=$(IFS=,; echo "${include[*]-}")

say "a bare $suite in $system"
started=$SECONDS
debootstrap --variant=minbase ${joined:+--include="$joined"} "$suite" "$system" "$mirror" >"$system.log" 2>&1 || {
  tail -n 20 "$system.log" >&2
  rm -f "$system.log"
  fail "debootstrap failed (its last lines are above), expected a bare $suite; set MIRROR to a mirror that has it"
}
rm -f "$system.log"
say "made in $((SECONDS - started)) s"
cp -L /etc/resolv.conf /etc/hosts "$system/etc/"
printf '%s\n' "$host_settings" >"$system/etc/apt/apt.conf.d/90host"
attach proc proc nosuid,nodev,noexec
attach sysfs sys ro,nosuid,nodev,noexec
attach devpts dev/pts newinstance,ptmxmode=0666,mode=0620,gid=5
attach tmpfs dev/shm nosuid,nodev

home=/root user=0
if [[ $suite == bookworm ]]; then
  home=/home/newcomer user=1000
  chroot "$system" useradd --create-home --uid $user --shell /bin/bash newcomer
  echo 'newcomer ALL=(ALL) NOPASSWD: ALL' >"$system/etc/sudoers.d/newcomer"
fi
clone=$system$home/swin.cpp
[[ -z $(git -c safe.directory='*' -C "$repository" status --porcelain --untracked-files=no) ]] ||
  say "uncommitted changes are not part of this check"
git -c safe.directory='*' clone --quiet --no-hardlinks "$repository" "$clone"
chown -R $user:$user "$clone"
say "commit $(git -c safe.directory='*' -C "$clone" log -1 --format='%h %s')"

# The indented lines of the README's section; two or more spaces separate a command from its description.
mapfile -t commands < <(sed -n '/^## Two commands$/,/^## /s/^    \(\S.*\)$/\1/p' "$clone/README.md" |
  sed 's/   *.*$//')
[[ ${#commands[@]} -eq 2 ]] ||
  fail "found ${#commands[@]} commands under \"## Two commands\" in README.md, expected two indented lines"

for command in "${commands[@]}"; do
  say "$suite, user $user: $command"
  started=$SECONDS status=0
  chroot --userspec=$user:$user --groups=$user "$system" /usr/bin/env -i HOME="$home" LANG=C.UTF-8 TERM=dumb \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    bash -c "cd '$home/swin.cpp' && $command" </dev/null || status=$?
  took="$(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s"
  [[ $status -eq 0 ]] || fail "$suite: $command ended with $status after $took, expected 0"
  say "$suite: $command passed in $took"
done
