"""Makes the tables of `uncouple benchmark` from the packages that ship them; README.md names sources and licenses.

    pip install scikit-learn==1.9.1 statsmodels==0.15.0 plotnine==0.15.7
    npm pack vega-datasets@3.2.1 && tar xzf vega-datasets-3.2.1.tgz
    python make_data.py package/data data

Every table gets a column `row`, from 0, whose hash decides which rows a seed holds out.
"""

import math
import sys
from pathlib import Path

import pandas as pd
import plotnine.data
import sklearn.datasets
import statsmodels.datasets

vega, out = Path(sys.argv[1]), Path(sys.argv[2])


def write(name: str, table: pd.DataFrame) -> None:
    table = table.dropna().reset_index(drop=True)
    table.insert(0, "row", range(len(table)))
    table.to_csv(out / f"{name}.csv", index=False, lineterminator="\n", float_format="%.6g")
    print(f"{name}: {len(table)} rows, {len(table.columns) - 1} columns")


cars = pd.read_json(vega / "cars.json")
write(
    "cars",
    pd.DataFrame(
        {
            "cylinders": cars["Cylinders"],
            "displacement": cars["Displacement"],
            "weight": cars["Weight_in_lbs"],
            "acceleration": cars["Acceleration"],
            "year": pd.to_datetime(cars["Year"]).dt.year,
            "origin": cars["Origin"],
            "horsepower": cars["Horsepower"],
            "mpg": cars["Miles_per_Gallon"],
        }
    ),
)

penguins = pd.read_json(vega / "penguins.json")
write(
    "penguins",
    pd.DataFrame(
        {
            "species": penguins["Species"],
            "sex": penguins["Sex"].where(penguins["Sex"].isin(["MALE", "FEMALE"])),
            "beak_length": penguins["Beak Length (mm)"],
            "beak_depth": penguins["Beak Depth (mm)"],
            "flipper": penguins["Flipper Length (mm)"],
            "mass": penguins["Body Mass (g)"],
        }
    ),
)

weather = pd.read_csv(vega / "weather.csv")
angle = pd.to_datetime(weather["date"]).dt.day_of_year * (2 * math.pi / 365.25)
write(
    "weather",
    pd.DataFrame(
        {
            "city": weather["location"],
            "season_sin": angle.map(math.sin),
            "season_cos": angle.map(math.cos),
            "wind": weather["wind"],
            "precipitation": weather["precipitation"],
            "temp_min": weather["temp_min"],
            "temp_max": weather["temp_max"],
            "sky": weather["weather"],
        }
    ),
)

strikes = pd.read_csv(vega / "birdstrikes.csv", keep_default_na=False)
models = strikes["Aircraft Make Model"]
frequent = models.value_counts().head(20).index
write(
    "strikes",
    pd.DataFrame(
        {
            "aircraft": models.where(models.isin(frequent), "other"),
            "phase": strikes["Phase of flight"],
            "time_of_day": strikes["Time of day"],
            "wildlife": strikes["Wildlife Size"],
            "speed": pd.to_numeric(strikes["Speed IAS in knots"]),
            "damage": (strikes["Effect Amount of damage"] != "None").map({True: "yes", False: "no"}),
        }
    ),
)

nations = pd.read_json(vega / "gapminder.json")
write(
    "nations",
    pd.DataFrame(
        {
            "region": "r" + nations["cluster"].astype(str),
            "year": nations["year"],
            "log_population": nations["pop"].map(math.log),
            "fertility": nations["fertility"],
            "life_expectancy": nations["life_expect"],
        }
    ),
)

tumors = sklearn.datasets.load_breast_cancer(as_frame=True)
write(
    "tumors",
    pd.DataFrame(
        {
            "radius": tumors.data["mean radius"],
            "texture": tumors.data["mean texture"],
            "smoothness": tumors.data["mean smoothness"],
            "compactness": tumors.data["mean compactness"],
            "symmetry": tumors.data["mean symmetry"],
            "concave_points": tumors.data["mean concave points"],
            "diagnosis": tumors.target.map(lambda target: tumors.target_names[target]),
        }
    ),
)

votes = statsmodels.datasets.anes96.load_pandas().data
write(
    "votes",
    pd.DataFrame(
        {
            "self_left_right": votes["selfLR"],
            "clinton_left_right": votes["ClinLR"],
            "dole_left_right": votes["DoleLR"],
            "age": votes["age"],
            "education": votes["educ"],
            "income": votes["income"],
            "party": votes["PID"],
            "vote": votes["vote"].map({0: "clinton", 1: "dole"}),
        }
    ),
)

health = statsmodels.datasets.randhie.load_pandas().data.sample(6000, random_state=0)
write(
    "health",
    pd.DataFrame(
        {
            "coinsurance": health["lncoins"],
            "deductible": health["idp"].astype(int),
            "incentive": health["lpi"],
            "limit": health["fmde"],
            "rating": (health["hlthg"] + 2 * health["hlthf"] + 3 * health["hlthp"]).astype(int),
            "limited": (health["physlm"] > 0.5).astype(int),
            "diseases": health["disea"],
            "log_visits": (health["mdvis"] + 1).map(math.log),
        }
    ),
)

diamonds = plotnine.data.diamonds
diamonds = diamonds[(diamonds[["x", "y", "z"]] > 0).all(axis=1)].sample(5000, random_state=0)
write(
    "diamonds",
    pd.DataFrame(
        {
            "length": diamonds["x"],
            "width": diamonds["y"],
            "height": diamonds["z"],
            "cut": diamonds["cut"].astype(str),
            "color": diamonds["color"].astype(str),
            "clarity": diamonds["clarity"].astype(str),
            "carat": diamonds["carat"],
            "log_price": diamonds["price"].map(math.log),
        }
    ),
)

housing = plotnine.data.txhousing
write(
    "housing",
    pd.DataFrame(
        {
            "city": housing["city"],
            "year": housing["year"],
            "month": housing["month"],
            "sales": housing["sales"],
            "listings": housing["listings"],
            "inventory": housing["inventory"],
            "log_price": housing["median"].map(math.log),
        }
    ),
)
