#!/bin/sh
# rules-doc.sh --check|--write RAMPART FILE: the list of rules between the two marks of FILE is what `RAMPART rules -o markdown` prints, and
# the tables below it name rules that there are.
set -eu
mode=$1 rampart=$2 file=$3
begin='<!-- rules: begin -->' end='<!-- rules: end -->'
list=$(mktemp) wanted=$(mktemp)
trap 'rm -f "$list" "$wanted"' EXIT
[ "$(grep -cFx -e "$begin" -e "$end" "$file")" -eq 2 ] || { echo "$file: the lines \"$begin\" and \"$end\" must each be there once"; exit 1; }
"$rampart" rules -o markdown >"$list"
awk -v begin="$begin" -v end="$end" -v list="$list" '
    $0 == end { inside = 0 }
    !inside
    $0 == begin { inside = 1; while ((getline line < list) > 0) print line }
' "$file" >"$wanted"
unknown=$(awk -v end="$end" 'past && /^\|/; $0 == end { past = 1 }' "$file" | grep -oE '`[a-z]+(-[a-z]+)+`' | tr -d '`' | grep -v '^kube-' | sort -u |
    while read -r id; do "$rampart" rules | grep -q "^$id " || echo "$id"; done)
[ -z "$unknown" ] || { echo "$file: there is no such rule:" $unknown; exit 1; }
if cmp -s "$wanted" "$file"; then
    echo "  ok     $file has the rules of the binary"
elif [ "$mode" = --write ]; then
    cat "$wanted" >"$file"
    echo "  wrote  $file"
else
    diff -u "$file" "$wanted" || true
    echo "$file is not what the binary says; make rules-doc writes it"
    exit 1
fi
