#!/bin/sh
# setup.sh [--checks]: installs the Debian packages of ci/packages.txt, with --checks those of
# ci/packages-checks.txt too. What is installed already is left alone; run it as often as you like.
set -eu
cd "$(dirname "$0")"

lists=packages.txt
case "${1-}" in
"") ;;
--checks) lists="$lists packages-checks.txt" ;;
*) echo "usage: ci/setup.sh [--checks]" >&2; exit 2 ;;
esac

# shellcheck disable=SC2086 # the list of files is meant to be split
wanted=$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' $lists)
missing=
for package in $wanted; do
    case "$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)" in
    *"ok installed") ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup.sh: not root and no sudo; as root, install:$missing" >&2; exit 1; }
    root=sudo
fi
echo "setup.sh: installing$missing"
export DEBIAN_FRONTEND=noninteractive
$root apt-get update -qq
# shellcheck disable=SC2086 # one argument a package
$root apt-get install -y -qq --no-install-recommends $missing >/dev/null
