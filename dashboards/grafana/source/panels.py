"""What are the dashboards made of? Panels that flow from left to right, variables, links: JSON."""

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24  # columns of Grafana's grid
SCHEMA_VERSION = 39  # of Grafana 11; later versions take it and bring it up to date

GREEN, YELLOW, RED, BLUE, GREY = "green", "#EAB839", "red", "blue", "text"


def steps(*pairs):
    """Thresholds: the colour from the start, then (from, colour) each."""
    first, *others = pairs
    return {"mode": "absolute", "steps": [{"color": first, "value": None}] +
            [{"color": colour, "value": value} for value, colour in others]}


def mapped(**values):
    """Texts for values: mapped(_0=("no", RED), _1=("yes", GREEN))."""
    return [{"type": "value", "options": {
        value[1:]: {"text": text, "color": colour, "index": i}
        for i, (value, (text, colour)) in enumerate(values.items())}}]


class Board:
    """One dashboard; add() places panels in the order in which they are given."""

    def __init__(self, uid, title, description, span="now-6h"):
        self.uid, self.title, self.description, self.span = uid, title, description, span
        self.panels, self.variables, self.annotations = [], [], []
        self.x = self.y = self.height = 0
        self.variable("datasource", "Data source", type="datasource", query="prometheus",
                      refresh=1, regex="", options=[])

    # --- variables ------------------------------------------------------------------------------
    def variable(self, name, label, **fields):
        self.variables.append({"name": name, "label": label, "hide": 0, "skipUrlSync": False,
                               **fields})

    def query_variable(self, name, label, query, regex="", every=False, **fields):
        """`every`: All is offered and chosen at first; it also takes series without the label."""
        if every:
            fields |= {"includeAll": True, "multi": True, "allValue": ".*",
                       "current": {"text": ["All"], "value": ["$__all"], "selected": True}}
        else:
            fields |= {"includeAll": False, "multi": False}
        kind = 3 if query.startswith("query_result") else 1  # of the Prometheus query editor
        self.variable(name, label, type="query", datasource=SOURCE,
                      query={"query": query, "refId": "Variable-" + name, "qryType": kind},
                      refresh=2, sort=7, regex=regex, options=[], **fields)

    def cluster_variable(self):
        """Without the label `cluster` (scrape.yml sets it) All is the only and the right choice."""
        self.query_variable("cluster", "Cluster", "label_values(muster_build_info, cluster)",
                            every=True)

    def annotation(self, name, expr, colour, title, text=""):
        self.annotations.append({
            "name": name, "enable": True, "hide": False, "iconColor": colour, "datasource": SOURCE,
            "expr": expr, "step": "15s", "titleFormat": title, "textFormat": text, "tagKeys": "node",
            "useValueForTime": False})

    # --- panels ---------------------------------------------------------------------------------
    def row(self, title):
        self.place({"type": "row", "title": title, "collapsed": False, "panels": []}, WIDTH, 1)
        return self

    def place(self, panel, width, height):
        if self.x + width > WIDTH or panel["type"] == "row":
            self.x, self.y, self.height = 0, self.y + self.height, 0
        panel["id"] = len(self.panels) + 1
        panel["gridPos"] = {"x": self.x, "y": self.y, "w": width, "h": height}
        self.x, self.height = self.x + width, max(self.height, height)
        if panel["type"] == "row":
            self.x, self.y, self.height = 0, self.y + 1, 0
        self.panels.append(panel)

    def add(self, kind, title, queries, unit, size, options, about="", custom=None, **defaults):
        """queries: [(expression, legend)]; size: (columns, rows)."""
        instant = kind in ("stat", "table", "bargauge")
        targets = []
        for i, (expr, legend) in enumerate(queries):
            target = {"refId": chr(ord("A") + i), "datasource": SOURCE, "expr": expr,
                      "legendFormat": legend, "editorMode": "code", "range": not instant,
                      "instant": instant}
            if kind == "table":
                target["format"] = "table"
            targets.append(target)
        fields = {"unit": unit, "mappings": [], "thresholds": steps(GREEN),
                  "color": {"mode": "thresholds"}, **defaults}
        if custom is not None:
            fields["custom"] = custom
        panel = {"type": kind, "title": title, "datasource": SOURCE, "targets": targets,
                 "fieldConfig": {"defaults": fields, "overrides": []}, "options": options}
        if about:
            panel["description"] = about
        self.place(panel, *size)
        return panel

    def stat(self, title, expr, unit="short", legend="", size=(3, 4), name=False, **fields):
        """One number; with `name` the legend stands there instead of it."""
        reduce = {"values": False, "calcs": ["lastNotNull"], "fields": ""}
        self.add("stat", title, [(expr, legend)], unit, size, {
            "reduceOptions": reduce, "orientation": "auto", "justifyMode": "auto",
            "textMode": "name" if name else "auto", "colorMode": "value", "graphMode": "none",
            "wideLayout": True, "showPercentChange": False, "percentChangeColorMode": "standard"},
            **fields)

    def graph(self, title, *queries, unit="short", size=(8, 7), stack=False, points=False,
              scale=None, **fields):
        """`points`: of what happens now and then; a line would claim that it lasts."""
        custom = {"drawStyle": "points" if points else "line", "lineInterpolation": "linear",
                  "lineWidth": 1, "pointSize": 6, "fillOpacity": 60 if stack else 10,
                  "showPoints": "always" if points else "never", "spanNulls": False,
                  "stacking": {"mode": "normal" if stack else "none", "group": "A"},
                  "scaleDistribution": scale or {"type": "linear"}}
        fields.setdefault("color", {"mode": "palette-classic"})
        fields.setdefault("min", 0)
        if fields["min"] is None:
            del fields["min"]
        return self.add("timeseries", title, queries, unit, size, {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True,
                       "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"}}, custom=custom, **fields)

    def timeline(self, title, *queries, mappings, size=(12, 7), **fields):
        """What was when: one band for each series."""
        self.add("state-timeline", title, queries, "short", size, {
            "showValue": "never", "rowHeight": 0.8, "mergeValues": True, "alignValue": "left",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True,
                       "calcs": []},
            "tooltip": {"mode": "single", "sort": "none"}},
            custom={"lineWidth": 0, "fillOpacity": 80}, mappings=mappings, **fields)

    def bars(self, title, *queries, unit="short", size=(8, 7), **fields):
        self.add("bargauge", title, queries, unit, size, {
            "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""},
            "orientation": "horizontal", "displayMode": "basic", "valueMode": "color",
            "namePlacement": "auto", "showUnfilled": True, "sizing": "auto", "minVizWidth": 8,
            "minVizHeight": 16, "maxVizHeight": 300,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False,
                       "calcs": []}}, **fields)

    def table(self, title, by, columns, size=(24, 9), hidden=(), links=None, **fields):
        """One line for each value of the label `by`; columns: [(heading, expression, unit)]."""
        queries = [(expr, "") for _, expr, _ in columns]
        panel = self.add("table", title, queries, "short", size,
                         {"showHeader": True, "cellHeight": "sm", "frameIndex": 0},
                         custom={"align": "auto", "cellOptions": {"type": "auto"},
                                 "inspect": False}, **fields)
        unseen = {"Time": True, **{name: True for name in hidden}}
        names = {}
        for i, (heading, _, unit) in enumerate(columns):
            value = "Value #" + chr(ord("A") + i)
            unseen[f"Time {i + 1}"] = True
            if heading is None:
                unseen[value] = True
                continue
            names[value] = heading
            panel["fieldConfig"]["overrides"].append(
                {"matcher": {"id": "byName", "options": heading},
                 "properties": [{"id": "unit", "value": unit}]})
        if links:
            panel["fieldConfig"]["overrides"].append(
                {"matcher": {"id": "byName", "options": by},
                 "properties": [{"id": "links", "value": links}]})
        panel["transformations"] = [
            {"id": "joinByField", "options": {"byField": by, "mode": "outer"}},
            {"id": "organize", "options": {"excludeByName": unseen, "indexByName": {},
                                           "renameByName": names}}]

    # --- the whole ------------------------------------------------------------------------------
    def json(self):
        return {
            "uid": self.uid, "title": self.title, "description": self.description,
            "tags": ["muster"], "schemaVersion": SCHEMA_VERSION, "version": 1, "editable": True,
            "graphTooltip": 1, "refresh": "15s", "timezone": "browser", "fiscalYearStartMonth": 0,
            "liveNow": False, "weekStart": "", "time": {"from": self.span, "to": "now"},
            "timepicker": {},
            "links": [{"title": "muster", "type": "dashboards", "tags": ["muster"],
                       "asDropdown": True, "icon": "external link", "includeVars": True,
                       "keepTime": True, "targetBlank": False, "tooltip": "", "url": ""}],
            "templating": {"list": self.variables}, "annotations": {"list": self.annotations},
            "panels": self.panels}
