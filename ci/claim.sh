#!/bin/sh
# Claims key and attempt for this run by a create-only ref. Of several runs with one key and attempt exactly one gets
# claimed=true in OUTPUT_FILE; the others get claimed=false and have to leave. Ends with 1 where that cannot be found out.
# Who wins also takes away claims that are older than any run can be.
#
# FACTORY_KEY, FACTORY_ATTEMPT  what the factory gave; without a key a person started the run, and nothing is claimed
# CLAIM_RUN      what tells this run from all others, and is the same when it is run again
# CLAIM_REMOTE   the repository that keeps the claims; CLAIM_USER and CLAIM_TOKEN for https, where it needs them
set -eu

say() { printf 'image-factory: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
fits() { printf '%s' "$1" | LC_ALL=C awk -v pattern="$2" 'NR > 1 { exit 1 } $0 !~ pattern { exit 1 } END { if (NR == 0) exit 1 }'; }
answer() { printf 'claimed=%s\n' "$1" >>"$OUTPUT_FILE"; exit 0; }

key=${FACTORY_KEY-}
attempt=${FACTORY_ATTEMPT:-1}
if [ -z "$key" ]; then
  say 'started without a build key: there is nothing to claim'
  answer true
fi
if ! fits "$key" '^[0-9A-Za-z-]+$' || [ "${#key}" -gt 100 ]; then fail 'FACTORY_KEY is not a build key'; fi
if ! fits "$attempt" '^[1-9][0-9]*$' || [ "${#attempt}" -gt 6 ]; then fail 'FACTORY_ATTEMPT is not a number'; fi
fits "${CLAIM_RUN-}" '^[0-9A-Za-z._:/-]+$' || fail 'CLAIM_RUN does not name the run'
[ -n "${CLAIM_REMOTE-}" ] || fail 'CLAIM_REMOTE names no repository'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GIT_TERMINAL_PROMPT=0
if [ -n "${CLAIM_TOKEN-}" ]; then
  # In the environment and not in an argument or address: other processes and messages show those.
  GIT_CONFIG_KEY_0="http.$CLAIM_REMOTE.extraHeader"
  GIT_CONFIG_VALUE_0="Authorization: Basic $(printf '%s:%s' "${CLAIM_USER:-x-access-token}" "$CLAIM_TOKEN" | base64 | tr -d '\n')"
  GIT_CONFIG_COUNT=1
  export GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0
fi

claims=refs/factory/claims/$key
tries=${CLAIM_TRIES:-6}
# Another look, or the end: what a server said once it may not say again.
again() {
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || fail "cannot claim $key/$attempt at $CLAIM_REMOTE: $(head -n 3 "$work/said" | tr '\n' ' ')"
  sleep "${CLAIM_PAUSE:-5}"
}

until head=$(git ls-remote "$CLAIM_REMOTE" HEAD 2>"$work/said"); do again; done
format=sha1
case ${head%%[!0-9a-f]*} in ????????????????????????????????????????????????????????????????) format=sha256 ;; esac
git init --quiet --bare --object-format=$format "$work/claim.git" 2>"$work/said" || fail "git init: $(cat "$work/said")"

now=$(date +%s)
export GIT_DIR="$work/claim.git" \
  GIT_AUTHOR_NAME=image-factory GIT_AUTHOR_EMAIL=image-factory@localhost GIT_AUTHOR_DATE="$now +0000" \
  GIT_COMMITTER_NAME=image-factory GIT_COMMITTER_EMAIL=image-factory@localhost GIT_COMMITTER_DATE="$now +0000"
tree=$(git hash-object -t tree -w --stdin </dev/null)
text=$(printf 'Claim of %s/%s\n\nRun: %s' "$key" "$attempt" "$CLAIM_RUN")
own=$(printf '%s\n' "$text" | git commit-tree "$tree")

pushed=
while :; do
  # The empty expectation: the push is refused where the ref is there already.
  if git push --quiet --force-with-lease="$claims/$attempt:" "$CLAIM_REMOTE" "$own:$claims/$attempt" 2>"$work/said"; then
    pushed=yes
  fi
  # An answer that was lost, too, is found here.
  if held=$(git ls-remote "$CLAIM_REMOTE" "$claims/*" 2>>"$work/said"); then
    holder=$(printf '%s\n' "$held" | awk -v ref="$claims/$attempt" '$2 == ref { print $1 }')
    if [ -n "$pushed" ] || [ -n "$holder" ]; then break; fi
  fi
  again
done

# Whoever runs again makes another commit, and knows its claim by the run that it names.
is_own() {
  [ "$holder" != "$own" ] || return 0
  until git fetch --quiet --no-tags "$CLAIM_REMOTE" "$claims/$attempt" 2>"$work/said"; do again; done
  [ "$(git log -1 --format=%B FETCH_HEAD 2>"$work/said")" = "$text" ]
}

if [ -n "$holder" ] && ! is_own; then
  say "another run holds the claim of $key/$attempt: this one builds nothing"
  answer false
fi
later=$(printf '%s\n' "$held" | awk -v start="$claims/" -v own="$attempt" '
  index($2, start) == 1 { n = substr($2, length(start) + 1); if (n ~ /^[0-9]+$/ && n + 0 > own + 0) print n }' | head -n 1)
if [ -n "$later" ]; then
  say "attempt $later of $key has begun already: attempt $attempt came too late and builds nothing"
  answer false
fi
say "this run holds the claim of $key/$attempt"

# 90 days: no run lasts longer than 35 at GitHub, and none can be run again after 30. A key's claims go together, and only
# where 20 other claims are as much younger, so that one clock that is wrong takes away nothing. What has no date stays.
prune() {
  count=$(git ls-remote "$CLAIM_REMOTE" 'refs/factory/claims/*' | wc -l)
  [ "$count" -ge "${CLAIM_PRUNE_FROM:-100}" ] || return 0
  git fetch --quiet --no-tags "$CLAIM_REMOTE" '+refs/factory/claims/*:refs/factory/claims/*' || return 1
  git for-each-ref --format='%(committerdate:unix) %(objectname) %(refname)' refs/factory/claims >"$work/claims"
  sort -rn "$work/claims" | awk -v now="$now" '
    { ref = $NF; of = ref; sub(/\/[^\/]*$/, "", of) }
    NF != 3 || $1 <= 1000000000 { stays[of] = 1; next }
    { n += 1; at[n] = $1; id[n] = $2; name[n] = ref; key[n] = of; if (!(of in newest)) newest[of] = $1 }
    END {
      if (n < 20) exit
      since = (at[20] < now ? at[20] : now) - 90 * 86400
      for (i = n; i > 0 && gone < 50; i--)
        if (newest[key[i]] < since && !(key[i] in stays)) { print id[i], name[i]; gone += 1 }
    }' >"$work/old"
  [ -s "$work/old" ] || return 0
  set -f
  # shellcheck disable=SC2046 # names of refs have no spaces
  set -- $(awk '{ print "--force-with-lease=" $2 ":" $1 }' "$work/old") "$CLAIM_REMOTE" $(awk '{ print ":" $2 }' "$work/old")
  git push --quiet "$@"
}

if ! (prune) >"$work/said" 2>&1; then say 'old claims were not taken away; another run will try'; fi
answer true
