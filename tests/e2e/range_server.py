#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Serves a directory on a port of this machine, which it prints, and can go on in the middle of a file.

    range_server.py DIRECTORY DIARY

Each request is a line of the diary: the path, and the range that was asked for.
"""
import email.utils
import http.server
import os
import pathlib
import re
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def do_GET(self):
        with open(sys.argv[2], 'a', encoding='utf-8') as diary:
            diary.write(f'{self.path} {self.headers.get("Range")}\n')
        path = pathlib.Path(sys.argv[1]) / os.path.basename(self.path)
        if not path.is_file():
            self.send_response(404)
            self.send_header('Content-Length', '0')
            self.end_headers()
            return
        data = path.read_bytes()
        part = re.fullmatch(r'bytes=(\d+)-', self.headers.get('Range') or '')
        start = int(part[1]) if part else 0
        self.send_response(206 if part else 200)
        if part:
            self.send_header('Content-Range', f'bytes {start}-{len(data) - 1}/{len(data)}')
        self.send_header('Last-Modified', email.utils.formatdate(path.stat().st_mtime, usegmt=True))
        self.send_header('Content-Length', str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start:])


server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
