"""One client for all OpenAI-compatible endpoints: OpenAI, vLLM, Ollama, `transformers serve`.

No request is sent twice to a server: replies are cached in an append-only log, by the hash of the request and the
server's address. A stopped run continues from this log. The API key comes from an environment variable and is never
written. A reply without text, or one that the server filtered, is no answer: it is asked for again and never logged as
one.

    endpoint = Endpoint("http://127.0.0.1:8000/v1", "qwen2.5-vl", log="work/teacher.jsonl", requests_per_minute=500)
    picture = picture_part(Path("1.jpg"))                  # o1lib.data.image_part
    request = Request([{"role": "user", "content": [picture, {"type": "text", "text": "How many?"}]}])
    for reply in endpoint.ask([request]):                   # lazily and in order
        reply.text, reply.error, endpoint.usage
"""

from o1lib.models.endpoint.cache import ReplyLog
from o1lib.models.endpoint.client import CONCURRENCY, TIMEOUT, Endpoint
from o1lib.models.endpoint.messages import Choice, Reply, Request, ServedUsage

__all__ = ["CONCURRENCY", "TIMEOUT", "Choice", "Endpoint", "ServedUsage", "Reply", "ReplyLog", "Request"]
