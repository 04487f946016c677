"""Print the alerts of STT that come to a webhook, once they are known to be genuine.

Run: python receiver.py PORT SECRET
"""

import hashlib
import hmac
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

PORT, SECRET = int(sys.argv[1]), sys.argv[2].encode()
FRESH_S = 300


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        timestamp = self.headers["STT-Timestamp"]
        digest = hmac.new(SECRET, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        genuine = hmac.compare_digest(f"v1={digest}", self.headers["STT-Signature"])
        if not genuine or abs(time.time() - int(timestamp)) > FRESH_S:
            self.send_error(403)
            return
        posted = json.loads(body)
        if posted["test"]:
            print("a test: the channel works", flush=True)
        for event in posted["events"]:
            finding = event["finding"]
            what = event["change"], finding["severity"], finding["id"], finding["summary"]
            print(*what, flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


HTTPServer(("127.0.0.1", PORT), Receiver).serve_forever()
