#!/bin/sh
# Removes from node_modules what a running service never loads: trim.sh FOLDER
set -eu
cd "$1"

# Binaries for other platforms.
bin=$(echo onnxruntime-node/bin/napi-v*)
find "$bin" -mindepth 1 -maxdepth 1 ! -name linux -exec rm -rf {} +
find "$bin/linux" -mindepth 1 -maxdepth 1 ! -name "$(node -p process.arch)" -exec rm -rf {} +

# tfjs brings each package five times over. Node loads the bundle that `main` names: dist/*.node.js.
for package in @tensorflow/tfjs @tensorflow/tfjs-*; do
  main=$(node -p "require('./$package/package.json').main")
  case $main in
    dist/*.node.js)
      find "$package" -type f ! -name package.json ! -path "$package/$main" ! -iname 'licen[cs]e*' -delete
      ;;
  esac
done
# Polyfills for browsers, which only the bundles for browsers load.
rm -rf core-js regenerator-runtime

# Sources, types and bundles for browsers.
rm -rf zod/src vega-lite/src protobufjs/dist bintrees/test pino/test pino/docs pino/benchmarks
find . -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.md' -o -name '*.min.js' \) -delete
find . -type d -empty -delete
