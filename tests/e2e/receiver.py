"""What does a webhook receiver get from muster? A real server that keeps them."""
import http.server
import json
import threading
import time


class Receiver:
    """Listens on address:port (0: any) at once; notifications: (unix seconds, headers, JSON).

    refuse(n) answers the next n notifications with 500, as a receiver in trouble would.
    """

    def __init__(self, address="127.0.0.1", port=0):
        self.notifications = []
        self.refusals = 0
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status = outer.take(dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((address, port), Handler)
        self.server.daemon_threads = True
        self.url = "http://%s:%d/alerts" % self.server.server_address[:2]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def take(self, headers, body):
        with self.lock:
            if self.refusals > 0:
                self.refusals -= 1
                return 500
            try:
                self.notifications.append((time.time(), headers, json.loads(body)))
            except ValueError:
                return 400
            return 200

    def refuse(self, count):
        with self.lock:
            self.refusals = count

    def alerts(self, name=None, status=None, since=0.0, **labels):
        """(unix seconds, alert) of every alert received since then that fits, oldest first."""
        with self.lock:
            notifications = list(self.notifications)
        return [(at, alert) for at, _, body in notifications if at >= since
                for alert in body.get("alerts", [])
                if name in (None, alert["labels"].get("alertname"))
                and status in (None, alert["status"])
                and all(alert["labels"].get(key) == value for key, value in labels.items())]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
