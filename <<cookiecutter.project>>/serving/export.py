"""Write a month of predictions, with the labels that are known, as Parquet:

    python -m serving.export --month 2013-12 --out FILE.parquet [--state DIR]
"""
