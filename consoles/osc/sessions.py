"""`openstack console session`: who uses consoles, and that one stops."""

import argparse
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from keystoneauth1 import adapter
from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions
from osc_lib import utils
from osc_lib.cli import identity
from osc_lib.cli import parseractions
from osc_lib.command import command

from consoles.osc import plugin

#: What a column shows, by the keys of the API's sessions.
COLUMNS = {"ID": "id", "Server ID": "instance_uuid", "Type": "type", "State": "state",
           "Client Address": "client_address", "Started At": "started_at"}
MORE = {"Project ID": "project_id", "User Agent": "user_agent", "Updated At": "updated_at",
        "Ended At": "ended_at", "Bytes In": "bytes_in", "Bytes Out": "bytes_out", "Code": "code",
        "Reason": "reason", "Worker": "worker"}
STATES = ("opening", "live", "ended")


class ListSessions(command.Lister):
    """List sessions of consoles, newest first"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("--all-projects", action="store_true",
                            help="List sessions of all projects (administrators only)")
        identity.add_project_owner_option_to_parser(parser)
        parser.add_argument("--server", metavar="<server>",
                            help="List sessions of this server only (name or ID)")
        parser.add_argument("--state", choices=STATES,
                            help="List sessions in this state only")
        parser.add_argument("--limit", metavar="<num-sessions>", type=int,
                            action=parseractions.NonNegativeAction,
                            help="List at most so many sessions (default: all)")
        parser.add_argument("--long", action="store_true", help="List all that is known")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Any, Any]:
        columns = COLUMNS | (MORE if parsed_args.long else {})
        keys = tuple(columns.values())
        rows = _pages(plugin.client(self.app.client_manager), self._path(parsed_args),
                      self._query(parsed_args), parsed_args.limit)
        return tuple(columns), (utils.get_dict_properties(row, keys) for row in rows)

    def _path(self, parsed_args: argparse.Namespace) -> str:
        if not parsed_args.server:
            return "/console-sessions"
        server = self.app.client_manager.sdk_connection.compute.find_server(
            parsed_args.server, ignore_missing=False, all_projects=parsed_args.all_projects)
        return f"/servers/{server.id}/console-sessions"

    def _query(self, parsed_args: argparse.Namespace) -> dict[str, str]:
        """The API shows an administrator every project's, which is asked for here."""
        manager = self.app.client_manager
        query = {"state": parsed_args.state}
        if parsed_args.all_projects:
            query["all_tenants"] = "1"
        if parsed_args.project:
            query["project_id"] = identity.find_project(
                manager.sdk_connection, parsed_args.project, parsed_args.project_domain).id
        elif not (parsed_args.all_projects or parsed_args.server):
            query["project_id"] = manager.sdk_connection.current_project_id
        return {key: value for key, value in query.items() if value}


def _pages(client: adapter.Adapter, path: str, query: dict[str, str],
           limit: int | None) -> Iterator[dict[str, Any]]:
    """The sessions of one page after the other, until there is no next or `limit` is reached."""
    while limit != 0:
        if limit is not None:
            query = query | {"limit": str(limit)}
        response = client.get(path, params=query)
        sdk_exceptions.raise_from_response(response)
        answer = response.json()
        rows = answer["console_sessions"]
        yield from rows
        if "console_sessions_links" not in answer:
            return
        limit = None if limit is None else limit - len(rows)
        query = query | {"marker": rows[-1]["id"]}


class KillSessions(command.Command):
    """End sessions of consoles"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument("session", metavar="<session>", nargs="+",
                            help="Session to end (ID); its client is disconnected")
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        failed = [id for id in parsed_args.session if not self._end(id)]
        if failed:
            raise exceptions.CommandError(
                f"{len(failed)} of {len(parsed_args.session)} sessions could not be ended.")

    def _end(self, id: str) -> bool:
        """→ False, and said why, when it could not be ended."""
        client = plugin.client(self.app.client_manager)
        response = client.delete(f"/console-sessions/{quote(id, '')}")
        try:
            sdk_exceptions.raise_from_response(response)
        except sdk_exceptions.HttpException as exc:
            self.log.error("Session %s cannot be ended: %s", id, exc.details)
            return False
        if response.status_code == 202:
            self.log.warning("The proxy of session %s does not answer. It ends the session as "
                             "soon as it is heard of again.", id)
        return True
