"""Turns variants into a running stack: the environment of their servers, and their stores."""

import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from lab.core.errors import LabError
from lab.core.text import counted
from lab.evidence.exchange import Exchange
from lab.evidence.measurements import disagreement, retried_ops
from lab.evidence.record import Record
from lab.evidence.result import Settings, Variant
from lab.experiments.matrix import two_desks
from lab.experiments.script_stack import LOG_DEADLINE_S, ScriptContext
from lab.shop.desks import Desk
from lab.stack.access_log import AccessEntry
from lab.stack.deployed_store import DeployedStore
from lab.stack.deployment import Deployment
from lab.stack.lives import describe, strangers
from lab.stack.local_store import LocalStore
from lab.stack.pool_spec import PoolSpec
from lab.stack.server import SIGNING_KEYS, desk_env
from lab.stack.session_store import ExternalStore, Store
from lab.stack.stack import Stack

NO_KEY = (
    "the lab has no signing key of these servers: give it with --signing-keys FILE, or in "
    f"{SIGNING_KEYS}"
)
SILENCE = "proxy_read_timeout 2s"  # a cut link sends nothing, not even a FIN


class ProvisionedStack:
    """One folder, one stack, the stores of its variants, and the secrets of this run."""

    stack: Stack

    def __init__(
        self,
        folder: Path,
        progress: Callable[[str], None] = lambda line: None,
        deployment: Deployment | None = None,
    ) -> None:
        """`deployment` are the servers of variants with `server_urls`, which run already."""
        self.folder = folder
        self._deployment = deployment or Deployment()
        self._progress = progress
        own = "" if self._deployment else secrets.token_urlsafe(32)
        self.keys = (self._deployment.signing_keys or own, secrets.token_urlsafe(32))
        # A prefix of this run's own: a shared store stays usable for its other users.
        self._prefix = f"two-desks:{secrets.token_hex(4)}"
        self._stores: dict[tuple[str, bool], Store] = {}

    @contextmanager
    def open(
        self,
        variants: Sequence[Variant],
        port: int = 0,
        extra_locations: tuple[str, ...] = (),
        keep_log: int | None = None,
    ) -> Iterator[Stack]:
        """Start a pool for each variant, and the stores they need; end all of it afterwards.

        `keep_log` bounds the entries of nginx's log that are kept (None: all).
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as resources:
            self._resources = resources
            for variant in variants:
                self._start_store(variant)
            pools = [self._pool_spec(variant) for variant in variants]
            own = sum(spec.servers for spec in pools if not spec.external)
            self._progress(
                f"starting {counted(own, 'server')} and nginx" if own else "starting nginx"
            )
            self.stack = resources.enter_context(
                Stack(
                    pools,
                    self.folder,
                    store=next(iter(self._stores.values()), None),
                    port=port,
                    extra_locations=extra_locations,
                    report=self._progress,
                    keep_log=keep_log,
                )
            )
            yield self.stack

    def context(
        self, variant: Variant, customers: int, seed: int, quick: bool, crowd: int = 0
    ) -> ScriptContext:
        """Return the parts of the `Lab` of this variant."""
        return ScriptContext(
            stack=self.stack,
            pool=self.stack.pools[variant.name],
            variant=variant,
            store=self.store_of(variant),
            # The prefix of a deployment's keys is not known: all keys are counted.
            store_prefix="" if variant.server_urls else self._prefix_of(variant),
            fill=self._fill,
            keys=self.keys if self.keys[0] else None,
            customers=customers,
            seed=seed,
            quick=quick,
            crowd=crowd,
        )

    def cross_check(self, record: Record, closing: Iterable[Exchange] = ()) -> str | None:
        """Compare the client's record with the balancer's log; None if they agree.

        `closing` are the lab's own looks, which stand in the log as well.
        """
        log, exchanges = self.stack.access, [*record.exchanges(), *closing]
        responses = {exchange.op for exchange in exchanges if exchange.status is not None}
        log.wait_for(responses, LOG_DEADLINE_S)
        if log.malformed:
            return f"{log.malformed} lines of the load balancer's log could not be read"
        entries = log.entries()
        asked = {entry.op: entry.upstream_addr for entry in entries if entry.op in responses}
        return (
            disagreement(exchanges, [entry.op for entry in entries])
            or self._secret_retry(record.variant, asked)
            or self._strangers(record.variant, entries)
        )

    def _strangers(self, name: str, entries: Iterable[AccessEntry]) -> str | None:
        """Report answers of this variant, a crowd's too, by processes that are none of the lab's.

        None if there is none, and for servers that the lab did not start.
        """
        lives = self.stack.pools[name].lives()
        own = (entry for entry in entries if entry.pool == name and entry.op)
        strange = [] if lives is None else strangers(own, lives)
        return describe(strange) if strange else None

    def _secret_retry(self, name: str, upstreams: dict[str, str]) -> str | None:
        """Return a report if the balancer asked a second server with retries off; else None."""
        pool = self.stack.pools[name]
        own = any(line.startswith("proxy_next_upstream") for line in pool.spec.directives)
        retried = retried_ops(upstreams) if pool.retry == "off" and not own else []
        if not retried:
            return None
        some = ", ".join(retried[:3])
        return f"the load balancer asked a second server, with retries off ({some} …)"

    def undo_faults(self) -> None:
        """Bring back a store, or a server of a deployment, that a script left dead or paused."""
        for pool in self.stack.pools.values():
            pool.undo_faults()
        for store in self._stores.values():
            if isinstance(store, LocalStore | DeployedStore):
                store.undo_faults()

    def supply(self, variant: Variant) -> dict[str, str]:
        """Start this variant's store, if needed; return its servers' environment."""
        self._start_store(variant)
        return self._env(variant)

    def store_of(self, variant: Variant) -> Store | None:
        """Return the store of this variant, if it needs one and it was started."""
        kind = (variant.settings.store, variant.persistence)
        return self._stores.get(kind) if variant.uses_store else None

    def sessions_in_store(self, variant: Variant) -> int:
        """Count the sessions of this variant in its store; LabError if it does not answer."""
        store = self.store_of(variant)
        return store.stats(self._prefix_of(variant)).keys if store else 0

    def forget(self, variant: Variant) -> None:
        """Delete what this variant's servers have kept outside their processes.

        A store of the lab's own is started again, which empties it for every variant that uses
        it; in any other store only the keys of this variant are deleted.
        """
        store = self.store_of(variant)
        if isinstance(store, LocalStore):
            if not _is_empty(store):
                store.restart()
        elif store is not None:
            store.forget(self._prefix_of(variant))
        shutil.rmtree(self._sessions_of(variant), ignore_errors=True)

    def _start_store(self, variant: Variant) -> None:
        kind = (variant.settings.store, variant.persistence)
        # The store that servers of others use has an address that is not known.
        theirs = variant.server_urls and variant.settings.store == "redis"
        if not variant.uses_store or kind in self._stores or theirs:
            return
        self._stores[kind] = self._resources.enter_context(self._new_store(variant))

    def _new_store(self, variant: Variant) -> Store:
        if variant.settings.store == "redis":
            self._progress("starting the session store")
            folder = self.folder / f"store-{len(self._stores) + 1}"
            return LocalStore(folder, variant.persistence)
        if variant.server_urls:
            return DeployedStore(variant.settings.store, self._deployment)
        return ExternalStore(variant.settings.store)

    def _pool_spec(self, variant: Variant) -> PoolSpec:
        settings = variant.settings
        spec = PoolSpec(
            name=variant.name,
            app=variant.module or f"{variant.app}_app",
            servers=settings.servers,
            affinity=settings.affinity,  # type: ignore[arg-type]  # PoolSpec checks it
            retry=settings.retry,  # type: ignore[arg-type]
            tls=settings.tls,
        )
        if variant.server_urls:
            own = tuple(map(self._fill, variant.directives))
            return replace(
                spec,
                directives=(SILENCE, *own),
                http_directives=tuple(map(self._fill, variant.http_directives)),
                external=self._deployment[variant.app],
            )
        return replace(
            spec,
            env=self._env(variant) | self._filled(variant.env),
            server_env={name: self._filled(env) for name, env in variant.server_env.items()},
            directives=tuple(map(self._fill, variant.directives)),
            http_directives=tuple(map(self._fill, variant.http_directives)),
        )

    def _env(self, variant: Variant) -> dict[str, str]:
        desk: Desk = "stateless" if variant.app == "stateless" else "stateful"
        return desk_env(desk, self._place(variant), self._prefix_of(variant), self.keys[0])

    def _place(self, variant: Variant) -> str:
        """Return where a variant keeps its sessions, as STATEFUL_STORE says it."""
        if store := self.store_of(variant):
            return store.url
        if variant.settings.store == "file":
            return f"file:{self._sessions_of(variant)}"
        return variant.settings.store if variant.app == "stateful" else "memory"

    def _sessions_of(self, variant: Variant) -> Path:
        # Absolute: a server need not run where the lab does.
        return (self.folder / "sessions" / variant.name).absolute()

    def _prefix_of(self, variant: Variant) -> str:
        return f"{self._prefix}:{variant.name}:"

    def _filled(self, env: Mapping[str, str]) -> dict[str, str]:
        return {name: self._fill(value) for name, value in env.items()}

    def _fill(self, text: str) -> str:
        """Put this run's folder and keys where a variant names them."""
        if not self.keys[0] and "{key}" in text:
            raise LabError(NO_KEY)
        names = {
            "folder": str(self.folder.absolute()),
            "key": self.keys[0],
            "other_key": self.keys[1],
        }
        try:
            return text.format(**names)
        except (LookupError, ValueError, AttributeError, TypeError):
            raise LabError(f"{text!r}: the placeholders are {{{'}, {'.join(names)}}}") from None


def deployed(
    settings: Settings, deployment: Deployment, declared: Sequence[Variant] = ()
) -> tuple[Variant, ...]:
    """Return the variants of each desk of a deployment, with as many servers as it has there.

    Of the settings, `store` is what the deployment is said to use; the others are the balancer's,
    and so are the directives of the `declared` variants: where some of a desk have any, there is
    a variant with the directives of each.
    """
    return tuple(
        replace(
            variant,
            settings=replace(settings, servers=len(deployment[variant.app])),
            server_urls=tuple(server.url for server in deployment[variant.app]),
        )
        for variant in balanced(two_desks(settings), declared)
        if variant.app in deployment
    )


def balanced(plain: Sequence[Variant], declared: Sequence[Variant]) -> Iterator[Variant]:
    """Give plain desks the directives for nginx that an experiment's variants have, if any.

    A variant "token-naive" makes one named "stateless-naive".
    """
    for desk in plain:
        own = [
            each
            for each in declared
            if each.app == desk.app
            and (each.directives or each.http_directives)
            and not (each.module or each.env or each.server_env)
        ]
        for each in own:
            suffix = each.name.partition("-")[2]
            yield replace(
                desk,
                name=f"{desk.name}-{suffix}" if suffix else desk.name,
                directives=each.directives,
                http_directives=each.http_directives,
            )
        if not own:
            yield desk


def _is_empty(store: LocalStore) -> bool:
    try:
        return store.state == "up" and store.stats().keys == 0
    except LabError:  # paused from outside, perhaps
        return False


class BackgroundStart:
    """A stack that is started in the background; entering waits until it is up."""

    def __init__(self, provisioned: ProvisionedStack, variants: Sequence[Variant]) -> None:
        self.provisioned = provisioned
        self._context = provisioned.open(variants)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="opening")
        self._opened = self._pool.submit(self._context.__enter__)

    def __enter__(self) -> ProvisionedStack:
        try:
            self._opened.result()
        except BaseException:  # Ctrl-C while waiting: it may come up a moment later
            self.close()
            raise
        return self.provisioned

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Wait until the stack is up, and end it. Nothing happens if it never came up."""
        self._pool.shutdown(wait=True)
        if self._opened.exception() is None:
            self._context.__exit__(None, None, None)
