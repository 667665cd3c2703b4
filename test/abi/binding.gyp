# The C side of test/abi: built against the headers of the Node that runs the tests.
{
  "targets": [{ "target_name": "abi", "sources": ["abi.c"], "defines": ["NAPI_VERSION=9"] }],
}
