#!/bin/sh
# setup.sh [--checks]: installs the Debian packages of ci/packages.txt, with --checks those of
# ci/packages-checks.txt and the Python packages of ci/python-requirements.txt, these into build/python. What is
# installed already is left alone; run it as often as you like.
set -eu
cd "$(dirname "$0")"

lists=packages.txt
case "${1-}" in
"") ;;
--checks) lists="$lists packages-checks.txt" checks=yes ;;
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

install_python() { # into the build folder: Debian's pip would refuse to touch the system's Python
    target=../build/python
    [ "${checks-}" ] && ! cmp -s python-requirements.txt "$target/requirements.txt" || return 0
    rm -rf "$target"
    mkdir -p "$target"
    : >"$target/wanted" # tests that need the packages now fail without them
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile \
        --require-hashes --target "$target" -r python-requirements.txt &&
        cp python-requirements.txt "$target/requirements.txt" ||
        echo "setup.sh: without the packages of python-requirements.txt some tests fail" >&2
}

if [ -z "$missing" ]; then
    install_python
    exit 0
fi

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
install_python
