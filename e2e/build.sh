#!/bin/sh
# Builds one program of e2e/ into BUILD/e2e/bin and says how far it is: the first build of kube
# compiles all of Kubernetes. `go install` does nothing when nothing changed.
# usage: e2e/build.sh kube|kwok|argocd|cluster|demo|floor|reference|bench
set -eu

cd "$(dirname "$0")/.."
mkdir -p "${BUILD:=build}/e2e/bin"
BUILD=$(cd "$BUILD" && pwd)
GOBIN=$BUILD/e2e/bin
export BUILD GOBIN
cd e2e

# Clients refuse a server without a version; a build by `go build` has none.
ldflags="-s -w"
name=$1 module=. package=./cmd/$1
case $name in
kube)
    kube_version=$(sed -n 's/^\tk8s.io\/kubernetes //p' go.mod)
    minor=${kube_version#v1.}
    for place in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        ldflags="$ldflags -X $place.gitVersion=$kube_version -X $place.gitMajor=1 -X $place.gitMinor=${minor%%.*}"
    done
    ;;
kwok | argocd) module=$name package=. ;;
cluster | demo | bench) ;;
floor | reference) package=./contenders/$name ;;
*)
    echo "usage: e2e/build.sh kube|kwok|argocd|cluster|demo|floor|reference|bench" >&2
    exit 2
    ;;
esac

log=$GOBIN/$name.log
began=$(date +%s)
shown=$began

# Says where it stands: on a terminal one line that changes, else a line every 15 seconds.
say() {
    now=$(date +%s)
    passed=$((now - began))
    text=$(printf '  go     %s: %s, %d:%02d' "$name" "$1" $((passed / 60)) $((passed % 60)))
    if [ -t 1 ]; then
        [ $passed -lt 1 ] || printf '\r%s\033[K' "$text"
    elif [ $((now - shown)) -ge 15 ]; then
        shown=$now
        echo "$text"
    fi
}

# Runs "$@" with its messages in the log, calling say with the count of the lines that match $2.
watch() {
    format=$1 pattern=$2
    shift 2
    : >"$log"
    "$@" >"$log.out" 2>"$log" &
    pid=$!
    trap 'kill $pid 2>/dev/null; exit 130' INT TERM HUP
    while kill -0 $pid 2>/dev/null; do
        say "$(printf "$format" "$(grep -c "$pattern" "$log" || true)")"
        sleep 0.2
    done
    trap - INT TERM HUP
    if ! wait $pid; then
        [ ! -t 1 ] || echo
        grep -v '^[A-Za-z0-9_./~-]*$' "$log" | tail -n 40 >&2
        exit 1
    fi
}

watch 'fetching modules, %d so far' 'downloading' ./go.sh list -C "$module" -deps "$package"
total=$(wc -l <"$log.out")
watch "%d of at most $total packages" '^[A-Za-z0-9_./~-]*$' \
    ./go.sh install -C "$module" -v -ldflags "$ldflags" "$package"
[ ! -t 1 ] || printf '\r\033[K'
echo "  go     $GOBIN/$name"
touch "$GOBIN/$name" # it may have been up to date; make goes by this
rm -f "$log" "$log.out"
