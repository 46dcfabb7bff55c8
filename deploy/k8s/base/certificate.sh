#!/bin/sh
# Makes a certificate with openssl and puts it into a Secret (tls.crt, tls.key, ca.crt), or replaces it there:
#   certificate.sh NAMESPACE SECRET NAME...
# Each namespace has a certificate authority of its own in certificates/NAMESPACE, made by the first call. Keep its ca.key to
# yourself: who has it can make certificates that the namespace's services trust.
set -eu
umask 077
[ $# -ge 3 ] || { echo "usage: certificate.sh NAMESPACE SECRET NAME..." >&2; exit 2; }
namespace=$1
secret=$2
shift 2
folder=certificates/$namespace
mkdir -p "$folder/$secret"
echo '*' >certificates/.gitignore

sign() { # SUBJECT KEY CERTIFICATE DAYS SIGNER...; extensions on standard input
  subject=$1 key=$2 certificate=$3 days=$4
  shift 4
  cat >"$certificate.ext"
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$key"
  openssl req -new -key "$key" -subj "/CN=$subject" -out "$certificate.csr"
  openssl x509 -req -in "$certificate.csr" -days "$days" -extfile "$certificate.ext" "$@" -out "$certificate" 2>/dev/null
  rm "$certificate.csr" "$certificate.ext"
}

if [ ! -f "$folder/ca.crt" ]; then
  printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n' |
    sign "$namespace CA" "$folder/ca.key" "$folder/ca.crt" 3650 -signkey "$folder/ca.key"
fi
names=DNS:localhost,IP:127.0.0.1
for name; do names=$names,DNS:$name; done
printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$names" |
  sign "$secret" "$folder/$secret/tls.key" "$folder/$secret/tls.crt" 365 \
    -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -CAcreateserial
kubectl -n "$namespace" create secret generic "$secret" --dry-run=client -o yaml --from-file=ca.crt="$folder/ca.crt" \
  --from-file=tls.crt="$folder/$secret/tls.crt" --from-file=tls.key="$folder/$secret/tls.key" | kubectl apply -f -
